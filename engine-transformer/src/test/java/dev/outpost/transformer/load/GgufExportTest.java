package dev.outpost.transformer.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufFile;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.family.Llama;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraUpdates;
import dev.outpost.transformer.text.GgufTokenizerWriter;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufExportTest {
  private static final TransformerModel LLAMA = TinyModels.random(TinyModels.llama(2), 5);
  private static final TransformerModel GPT2 = TinyModels.random(2, 5);

  @TempDir private Path temporary;

  private Path write(TransformerModel model, JsonObject config, @Nullable DType type)
      throws IOException {
    Path file = temporary.resolve("model.gguf");
    GgufExport.write(file, model, config, "tiny", Map.of(), type, (done, all) -> {});
    return file;
  }

  private static JsonObject llama() {
    return new Llama().write(LLAMA.spec(), 0);
  }

  @Test
  void aLlamaComesBackNumberForNumber() throws IOException {
    Path again = temporary.resolve("again");
    try (ModelFolder read = ModelFolder.open(write(LLAMA, llama(), null))) {
      assertThat(read.report().unused()).isEmpty();
      ModelFolder.write(again, read.model(), read.config(), null);
    }
    try (ModelFolder read = ModelFolder.open(again)) {
      assertThat(read.model().spec()).isEqualTo(LLAMA.spec());
      Map<String, float[]> want = TinyModels.numbers(LLAMA);
      TinyModels.numbers(read.model())
          .forEach((name, got) -> assertThat(got).as(name).containsExactly(want.get(name)));
    }
  }

  @Test
  void matricesAreRoundedAndVectorsAreNot() throws IOException {
    try (GgufFile f = GgufFile.open(write(LLAMA, llama(), DType.BF16))) {
      assertThat(f.type("blk.1.ffn_down.weight")).isEqualTo("BF16");
      assertThat(f.type("blk.1.attn_norm.weight")).isEqualTo("F32");
      assertThat(f.metadata().integer("general.file_type", 0, 99)).isEqualTo(32);
    }
    // Rows of 16 are no blocks of 32; the feed-forward's of 40 neither.
    try (GgufFile f = GgufFile.open(write(LLAMA, llama(), DType.Q8_0))) {
      assertThat(f.type("blk.1.ffn_down.weight")).isEqualTo("F16");
      assertThat(f.metadata().integer("general.quantization_version", 0, 99)).isEqualTo(2);
    }
  }

  @Test
  void gpt2sMatricesAreTransposed() throws IOException {
    try (GgufFile f = GgufFile.open(write(GPT2, new Gpt2().write(GPT2.spec(), 0), DType.F32))) {
      Tensor theirs = f.weight("blk.1.attn_qkv.weight").toTensor();
      Tensor ours = GPT2.parameters().get("blocks.1.attn.qkv.weight").weight().toTensor();
      assertThat(theirs.shape().dims()).containsExactly(48, 16);
      for (int in = 0; in < 16; in++)
        for (int out = 0; out < 48; out++)
          assertThat(theirs.get(out * 16 + in)).isEqualTo(ours.get(in * 48 + out));
      assertThat(f.weight("position_embd.weight").shape().dims()).containsExactly(24, 16);
      assertThat(f.names()).contains("output_norm.bias", "blk.0.ffn_up.bias");
      assertThat(f.metadata().integer("gpt2.feed_forward_length", 0, 99)).isEqualTo(64);
      assertThat(f.metadata().number("gpt2.attention.layer_norm_epsilon", 0)).isEqualTo(1e-5f);
    }
  }

  @Test
  void loraAddedToTheBasesTensorsGivesThoseOfTheMergedModel() throws IOException {
    addsUp(LLAMA, llama(), "attn.q", "attn.k", "attn.v", "mlp.down");
    addsUp(GPT2, new Gpt2().write(GPT2.spec(), 0), "attn.qkv", "mlp.up");
  }

  private void addsUp(TransformerModel model, JsonObject config, String... targets)
      throws IOException {
    Map<String, LoraUpdates.Update> updates = new LinkedHashMap<>();
    for (String target : targets) {
      String path = "blocks.1." + target;
      Shape s = model.parameters().get(path + ".weight").weight().shape();
      int in = s.dim(model.spec().layout() == Linear.Layout.IN_OUT ? 0 : 1);
      int rank = 2 + updates.size();
      updates.put(
          path,
          new LoraUpdates.Update(
              random(rank, in), random(s.size() / in, rank), 0.5f + updates.size()));
    }
    LoraUpdates lora = new LoraUpdates(updates);
    Path adapter = temporary.resolve("lora.gguf");
    GgufExport.lora(adapter, lora, config, model.spec(), (done, all) -> {});
    Map<String, Tensor> got = tensors(write(model, config, DType.F32));
    Map<String, Tensor> parts = tensors(adapter);
    assertThat(parts).hasSize(2 * targets.length);
    double alpha;
    try (GgufFile f = GgufFile.open(adapter)) {
      assertThat(f.metadata().text("general.type")).isEqualTo("adapter");
      assertThat(f.metadata().text("adapter.type")).isEqualTo("lora");
      alpha = f.metadata().number("adapter.lora.alpha", 0);
    }
    // As llama.cpp has it: W x + alpha / r · B (A x), r the columns of B.
    got.forEach((name, w) -> {
      Tensor a = parts.remove(name + ".lora_a");
      Tensor b = parts.remove(name + ".lora_b");
      for (int i = 0; a != null && i < w.size(); i++) {
        double sum = 0;
        int rank = b.shape().cols();
        for (int r = 0; r < rank; r++)
          sum +=
              b.get(i / w.shape().cols() * rank + r)
                  * a.get(r * w.shape().cols() + i % w.shape().cols());
        w.data()[w.offset() + i] += (float) (alpha / rank * sum);
      }
    });
    assertThat(parts).isEmpty();
    TransformerModel merged = Attach.merge(lora.attach(model), Kernels.scalar());
    tensors(write(merged, config, DType.F32))
        .forEach((name, want) ->
            assertThat(got.get(name).toArray())
                .as(name)
                .containsExactly(want.toArray(), within(1e-5f)));
  }

  private static Weight random(int rows, int cols) {
    RandomStream stream = RandomStream.of(7, rows + "x" + cols);
    Tensor t = Tensor.zeros(rows, cols);
    for (int i = 0; i < t.size(); i++) t.data()[i] = stream.nextFloat() - 0.5f;
    return HeapWeight.of(t);
  }

  private static Map<String, Tensor> tensors(Path file) throws IOException {
    try (GgufFile f = GgufFile.open(file)) {
      Map<String, Tensor> all = new LinkedHashMap<>();
      for (String name : f.names()) all.put(name, f.weight(name).toTensor());
      return all;
    }
  }

  @Test
  void whatLlamaCppWouldComputeOtherwiseIsRefused() {
    refuses(llama().put("model_type", "opt"), "\"opt\", which cannot be written as GGUF");
    refuses(llama().put("hidden_act", "relu"), "is relu; a GGUF llama always has silu");
    refuses(llama().put("mlp_bias", true), "is true; a GGUF llama always has false");
    assertThat(Files.exists(temporary.resolve("model.gguf"))).isFalse();
  }

  private void refuses(JsonObject config, String message) {
    assertThatThrownBy(
            () -> {
              JsonObject read = JsonObject.parse("config.json", config.toText());
              TransformerModel model =
                  read.string("model_type").equals("llama")
                      ? TinyModels.random(new Llama().read(read), 1)
                      : LLAMA;
              write(model, read, null);
            })
        .isInstanceOf(FormatException.class)
        .hasMessageStartingWith("config.json")
        .hasMessageContaining(message);
  }

  @Test
  void theTokenizerComesBackIdForId() throws Exception {
    Path folder = Path.of(GgufExportTest.class.getResource("/text/tiny").toURI());
    Tokenizer want = TokenizerFiles.load(folder);
    int rows = want.vocabularySize() + 3;
    Map<String, Object> m = new LinkedHashMap<>(GgufTokenizerWriter.metadata(folder, rows));
    assertThat((List<?>) m.get("tokenizer.ggml.tokens")).hasSize(rows);
    Path file = temporary.resolve("tokenizer.gguf");
    dev.outpost.tensor.io.GgufWriter.write(file, m, List.of());
    Tokenizer got = TokenizerFiles.load(file);
    for (String text : List.of("", "The cat's  12 hats\n\n", "naïve 🚀 don't", "\u0001\t x"))
      assertThat(got.encode(text)).as(text).containsExactly(want.encode(text));
    // And once more, from the file itself.
    assertThat(GgufTokenizerWriter.metadata(file, rows).keySet())
        .containsExactlyInAnyOrderElementsOf(m.keySet());
  }
}
