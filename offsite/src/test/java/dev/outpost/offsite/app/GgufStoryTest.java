package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.io.GgufWriter;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyGguf;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Llama;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.text.BytePairTrainer;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A GGUF file with matrices in Q8_0 and a tokenizer, through every command that takes a model. */
class GgufStoryTest {
  @TempDir private Path home;
  private Path file;
  private TransformerModel full;

  @BeforeEach
  void aQuantisedFile() throws IOException {
    Tokenizer tokenizer = BytePairTrainer.of(280).train(List.of(Parties.PUBLIC));
    Spec spec =
        Llama.spec(tokenizer.vocabularySize(), 32, 32, 4, 2, 1, 16, 64, 1e-5f, 10_000, true);
    full = TinyModels.random(spec, 3);
    Map<String, Object> metadata = TinyGguf.metadata(spec);
    metadata.putAll(tokenizer(tokenizer));
    List<GgufWriter.Entry> tensors = new ArrayList<>();
    for (GgufWriter.Entry e : TinyGguf.tensors(full))
      tensors.add(e.weight().shape().rank() == 1 ? e : in(DType.Q8_0, e));
    file = home.resolve("tiny.gguf");
    GgufWriter.write(file, metadata, tensors);
  }

  private static GgufWriter.Entry in(DType type, GgufWriter.Entry e) {
    return new GgufWriter.Entry(e.name(), e.weight(), type);
  }

  private Map<String, Object> tokenizer(Tokenizer t) throws IOException {
    Path folder = home.resolve("tokenizer");
    TokenizerFiles.save(t, folder);
    List<String> merges = Files.readAllLines(folder.resolve("merges.txt"));
    List<String> tokens = new ArrayList<>();
    int[] types = new int[t.vocabularySize()];
    for (int i = 0; i < types.length; i++) {
      tokens.add(t.token(i));
      types[i] = t.specialTokens().containsKey(t.token(i)) ? 3 : 1;
    }
    return Map.of(
        "tokenizer.ggml.model",
        "gpt2",
        "tokenizer.ggml.pre",
        "gpt-2",
        "tokenizer.ggml.tokens",
        tokens,
        "tokenizer.ggml.token_type",
        types,
        "tokenizer.ggml.merges",
        merges.subList(1, merges.size()),
        "tokenizer.ggml.eos_token_id",
        t.endOfText().orElseThrow());
  }

  @Test
  void generateContinuesAsTheSameNumbersInAFolderDo() throws Exception {
    Path folder = home.resolve("tokenizer");
    try (ModelFolder f = ModelFolder.open(file)) {
      ModelFolder.write(folder, f.model(), f.config(), null);
    }
    JsonObject got = generated("--model", file);
    assertThat(got.string("text"))
        .isNotEmpty()
        .isEqualTo(generated("--model", folder).string("text"));
    assertThat(got.integer("tokens")).isEqualTo(8);
  }

  private static JsonObject generated(Object... source) {
    Object[] words = {
      "generate",
      source[0],
      source[1],
      "--prompt",
      "the owner",
      "--max-tokens",
      8,
      "--temperature",
      0,
      "--json"
    };
    return Shell.ok(words).result();
  }

  @Test
  void inspectTellsTypesAndBytes() throws Exception {
    JsonObject found = Shell.ok("inspect", file, "--json", "--tensors").result();
    assertThat(found.string("kind")).isEqualTo("model");
    assertThat(found.string("family")).isEqualTo("llama");
    long[] numbers = new long[2];
    full.visit((name, p) -> numbers[p.shape().rank() - 1] += p.shape().size());
    JsonObject bytes = found.object("stored_bytes");
    assertThat(bytes.value("F32")).asString().isEqualTo(String.valueOf(4 * numbers[0]));
    assertThat(bytes.value("Q8_0")).asString().isEqualTo(String.valueOf(numbers[1] / 32 * 34));
    assertThat(found.objects("tensor_list"))
        .extracting(t -> t.string("dtype"))
        .filteredOn("Q8_0"::equals)
        .hasSize(1 + 4 * 7);
    String text = Shell.ok("inspect", file, "--tensors").out();
    assertThat(text)
        .contains(
            String.format(
                "stored_bytes       F32 %,d; Q8_0 %,d", 4 * numbers[0], numbers[1] / 32 * 34))
        .contains("Q8_0 [32, 32]       blocks.0.attn.q.weight");
  }

  @Test
  void aPackageKeepsTheBlocksAndItsTokenizer() throws Exception {
    Path pack = home.resolve("package");
    emulate(pack);
    assertThat(Parties.files(pack)).contains("tokenizer.json", "model.safetensors");
    try (ModelFolder f = ModelFolder.open(file);
        OffsitePackage p = OffsitePackage.open(pack)) {
      assertThat(p.base()).isEqualTo(BaseFingerprint.of(f.model()));
      Map<String, float[]> want = TinyModels.numbers(f.model());
      TinyModels.numbers(p.model())
          .forEach((name, got) -> assertThat(got).as(name).containsExactly(want.get(name)));
      p.model()
          .visit((name, q) ->
              assertThat(q.weight().dtype())
                  .as(name)
                  .isEqualTo(q.shape().rank() == 1 ? DType.F32 : DType.Q8_0));
    }
  }

  @Test
  void anAdapterOfSuchAPackagePlugsIntoTheFile() throws Exception {
    Path pack = home.resolve("package");
    emulate(pack, "--dtype", "bf16");
    Path text = Parties.text(home.resolve("private.txt"), Parties.PRIVATE);
    Object[] tune = {
      "tune",
      "--package",
      pack,
      "--corpus",
      text,
      "--out",
      home.resolve("adapter"),
      "--steps",
      2,
      "--batch",
      2
    };
    Shell.ok(tune);
    Path tuned = home.resolve("tuned");
    Shell.Outcome o =
        Shell.ok("plug", "--model", file, "--adapter", home.resolve("adapter"), "--out", tuned);
    assertThat(o.err()).contains("{Q8_0=15}: stored as F32");
    assertThat(generated("--model", tuned).integer("tokens")).isEqualTo(8);
  }

  @Test
  void aTypeThatFoldersLackIsMisuse() {
    Shell.Outcome o =
        Shell.run(
            "emulate",
            "--model",
            file,
            "--split",
            "1-1-1",
            "--out",
            home.resolve("package"),
            "--dtype",
            "Q4_0");
    assertThat(o.code()).isEqualTo(ExitCode.USAGE);
    assertThat(o.err())
        .contains("must be one of [F32, F16, BF16], got \"Q4_0\"")
        .contains("cannot hold the block types of GGUF");
    assertThat(home.resolve("package")).doesNotExist();
  }

  private Shell.Outcome emulate(Path out, Object... more) {
    List<Object> words =
        new ArrayList<>(List.of("emulate", "--model", file, "--split", "1-1-1", "--out", out));
    words.addAll(List.of(more));
    return Shell.ok(words.toArray());
  }
}
