package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.GgufFile;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.family.Llama;
import dev.outpost.transformer.load.ModelFactory;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.text.BytePairTrainer;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConvertTest {
  @TempDir private Path dir;
  private Path llama;

  @BeforeEach
  void aLlamaFolder() throws IOException {
    llama = dir.resolve("llama");
    Tokenizer tokenizer = BytePairTrainer.of(280).train(List.of(Parties.PUBLIC));
    Spec spec = Llama.spec(tokenizer.vocabularySize(), 32, 64, 2, 4, 2, 16, 96, 1e-5f, 100, true);
    TokenizerFiles.save(tokenizer, llama);
    ModelFolder.write(
        llama,
        ModelFactory.random(spec, 3),
        new Llama().write(spec, tokenizer.endOfText().orElse(0)),
        null);
  }

  @Test
  void aFolderBecomesAFileAndAFolderAgain() throws IOException {
    Path file = dir.resolve("llama.gguf");
    Path again = dir.resolve("again");
    Shell.ok("convert", llama, "--out", file);
    Shell.ok("convert", file, "--out", again);
    try (ModelFolder was = ModelFolder.open(llama);
        ModelFolder is = ModelFolder.open(again)) {
      assertThat(is.model().spec()).isEqualTo(was.model().spec());
      var want = TinyModels.numbers(was.model());
      TinyModels.numbers(is.model())
          .forEach((name, got) -> assertThat(got).as(name).containsExactly(want.get(name)));
    }
    String text = "the owner keeps naïve 🚀";
    assertThat(TokenizerFiles.load(again).encode(text))
        .containsExactly(TokenizerFiles.load(llama).encode(text));
    String line =
        Shell.ok("generate", "--model", file, "--prompt", "the", "--temperature", 0, "--quiet")
            .out();
    assertThat(
            Shell.ok("generate", "--model", llama, "--prompt", "the", "--temperature", 0, "--quiet")
                .out())
        .isEqualTo(line);
  }

  @Test
  void matricesAreStoredAsAsked() throws IOException {
    Path file = dir.resolve("small.gguf");
    assertThat(Shell.ok("convert", llama, "--out", file, "--type", "q8_0", "--json").out())
        .contains("\"format\":\"gguf\"");
    try (GgufFile f = GgufFile.open(file)) {
      assertThat(f.type("blk.0.ffn_down.weight")).isEqualTo("Q8_0");
      assertThat(f.metadata().text("general.name")).isEqualTo("llama");
    }
    Path half = dir.resolve("half");
    Shell.ok("convert", llama, "--out", half, "--type", "bf16");
    assertThat(Files.size(half.resolve("model.safetensors")))
        .isLessThan(Files.size(llama.resolve("model.safetensors")) * 6 / 10);
    Shell.ok("generate", "--model", half, "--prompt", "the", "--max-tokens", 2);
  }

  @Test
  void whatCannotBeIsToldInOneLineAndNothingIsWritten() throws IOException {
    Path out = dir.resolve("out");
    refuses("--type", "convert", llama, "--out", out, "--type", "q8_0");
    refuses("must end in .gguf", "convert", llama, "--out", out, "--to", "gguf");
    refuses("also read from", "convert", llama, "--out", llama);
    refuses("no such", "convert", dir.resolve("none"), "--out", out);
    Path file = dir.resolve("x.gguf");
    Files.delete(llama.resolve("tokenizer.json"));
    refuses("GGUF carries its tokenizer", "convert", llama, "--out", file);
    assertThat(out).doesNotExist();
    assertThat(file).doesNotExist();
  }

  private static void refuses(String message, Object... words) {
    Shell.Outcome o = Shell.run(words);
    assertThat(o.code()).as(o.err()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains(message).doesNotContain("\tat ");
  }
}
