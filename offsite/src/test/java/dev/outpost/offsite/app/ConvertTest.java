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
import java.util.stream.Stream;
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

  @Test
  void anAdapterBecomesOneOfPeftAndGivesTheSameText() throws IOException {
    Path adapter = dir.resolve("adapter");
    Path peft = dir.resolve("peft");
    Path lora = dir.resolve("lora.gguf");
    Path plugged = dir.resolve("plugged");
    Path base = tuned(adapter, "--lora", 2);
    Shell.ok("convert", adapter, "--base", base, "--to", "peft", "--out", peft);
    String want = said(base, "--adapter", adapter);
    assertThat(said(base, "--adapter", peft)).isEqualTo(want).isNotEqualTo(said(base));
    Shell.ok("plug", "--model", base, "--adapter", peft, "--out", plugged);
    assertThat(said(plugged)).isEqualTo(want);

    assertThat(Shell.ok("inspect", peft, "--tensors").out())
        .contains("peft adapter", "c_attn", "base_model.model.transformer.h.0.")
        .containsPattern("method +LORA");

    Shell.ok("convert", peft, "--base", base, "--to", "gguf-lora", "--out", lora);
    try (GgufFile f = GgufFile.open(lora)) {
      assertThat(f.metadata().text("general.architecture")).isEqualTo("gpt2");
      assertThat(f.names())
          .contains("blk.0.attn_qkv.weight.lora_a", "blk.3.attn_qkv.weight.lora_b")
          .noneMatch(name -> name.startsWith("blk.1"));
    }
    refuses("--base", "convert", adapter, "--to", "peft", "--out", dir.resolve("none"));
    refuses("--base", "convert", base, "--base", base, "--out", dir.resolve("none"));
    Path other = Parties.model(dir.resolve("other"), 2, 1);
    Path none = dir.resolve("none");
    refuses("has no projections", "plug", "--model", other, "--adapter", peft, "--out", none);
    assertThat(none).doesNotExist();
  }

  @Test
  void aFolderInShardsIsTheSameModel() throws IOException {
    Path shards = dir.resolve("shards");
    Shell.ok("convert", llama, "--out", shards, "--shard-size", "40KB");
    try (Stream<Path> files = Files.list(shards)) {
      List<String> names = files.map(f -> f.getFileName().toString()).sorted().toList();
      assertThat(names)
          .contains("model.safetensors.index.json")
          .doesNotContain("model.safetensors")
          .anyMatch(n -> n.matches("model-00001-of-000\\d\\d\\.safetensors"));
    }
    try (ModelFolder was = ModelFolder.open(llama);
        ModelFolder is = ModelFolder.open(shards)) {
      var want = TinyModels.numbers(was.model());
      TinyModels.numbers(is.model())
          .forEach((name, got) -> assertThat(got).as(name).containsExactly(want.get(name)));
    }
    Path none = dir.resolve("none");
    refuses("is no size", "convert", llama, "--out", none, "--shard-size", "0GB");
    refuses("is no size", "convert", llama, "--out", none, "--shard-size", "many");
    Path file = dir.resolve("none.gguf");
    refuses("is for folders", "convert", llama, "--out", file, "--shard-size", "1GB");
    assertThat(none).doesNotExist();
  }

  @Test
  void anAdapterOfWholeBlocksIsNoLora() throws IOException {
    Path adapter = dir.resolve("adapter");
    Path out = dir.resolve("peft");
    Path base = tuned(adapter);
    refuses("more than lora", "convert", adapter, "--base", base, "--to", "peft", "--out", out);
    assertThat(out).doesNotExist();
  }

  /** The base of a new adapter. */
  private Path tuned(Path adapter, Object... options) throws IOException {
    Path text = Parties.text(dir.resolve("text.txt"), Parties.PRIVATE);
    Path pack = dir.resolve("package");
    Path base = Parties.model(dir.resolve("base"), 1);
    Shell.ok("emulate", "--model", base, "--split", "1-1-1", "--out", pack);
    Shell.ok(
        words(
            options,
            "tune",
            "--package",
            pack,
            "--corpus",
            text,
            "--out",
            adapter,
            "--steps",
            3,
            "--batch",
            1,
            "--lr",
            0.05));
    return base;
  }

  private static String said(Path model, Object... options) {
    return Shell.ok(
            words(
                options,
                "generate",
                "--model",
                model,
                "--prompt",
                "the",
                "--temperature",
                0,
                "--quiet",
                "--max-tokens",
                20))
        .out();
  }

  private static Object[] words(Object[] last, Object... first) {
    return Stream.concat(Stream.of(first), Stream.of(last)).toArray();
  }

  private static void refuses(String message, Object... words) {
    Shell.Outcome o = Shell.run(words);
    assertThat(o.code()).as(o.err()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains(message).doesNotContain("\tat ");
  }
}
