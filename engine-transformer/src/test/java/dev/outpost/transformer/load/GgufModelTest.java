package dev.outpost.transformer.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufWriter;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufModelTest {
  private static final TransformerModel MODEL = TinyModels.random(TinyModels.llama(2), 5);

  @TempDir private Path temporary;

  @Test
  void rowsInNeighboursOrderGiveTheSameNumbersAndLogits() throws IOException {
    try (ModelFolder read = ModelFolder.open(write(metadata(), tensors()))) {
      assertThat(read.model().spec()).isEqualTo(MODEL.spec());
      Map<String, float[]> want = TinyModels.numbers(MODEL);
      TinyModels.numbers(read.model())
          .forEach((name, numbers) -> assertThat(numbers).as(name).containsExactly(want.get(name)));
      assertThat(logits(read.model())).containsExactly(logits(MODEL));
    }
  }

  @Test
  void whatIsNoPlainLlamaIsRefused() throws IOException {
    refuses("general.architecture", "gpt2", "only llama");
    refuses("llama.rope.scaling.type", "yarn", "only none");
    refuses("llama.expert_count", 8, "llama.expert_count");
    refuses("llama.attention.head_count_kv", 3, "must divide head_count 4");
    refuses("llama.attention.key_length", 5, "llama.");
    refuses("llama.attention.value_length", 8, "llama.attention.value_length");
    refuses("llama.rope.dimension_count", 4, "llama.rope.dimension_count");
    refuses("llama.rope.freq_base", 0.5f, "at least 1");
    refuses("llama.attention.layer_norm_rms_epsilon", -1f, "positive");
    refuses("llama.feed_forward_length", 41, "but the metadata asks for");
  }

  @Test
  void scaledPositionsAndBiasesAreRefused() throws IOException {
    List<GgufWriter.Entry> more = tensors();
    more.add(entry("blk.0.attn_q.bias", HeapWeight.of(Tensor.zeros(Shape.of(24)))));
    Path file = write(metadata(), more);
    assertThatThrownBy(() -> ModelFolder.open(file))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("blk.0.attn_q.bias");
  }

  private void refuses(String key, Object value, String message) throws IOException {
    Map<String, Object> m = metadata();
    m.put(key, value);
    Path file = write(m, tensors());
    assertThatThrownBy(() -> ModelFolder.open(file))
        .as(key)
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(message);
  }

  private Path write(Map<String, Object> metadata, List<GgufWriter.Entry> tensors)
      throws IOException {
    Path file = temporary.resolve("model.gguf");
    GgufWriter.write(file, metadata, tensors);
    return file;
  }

  private static Map<String, Object> metadata() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("general.architecture", "llama");
    m.put("llama.context_length", 24);
    m.put("llama.embedding_length", 16);
    m.put("llama.block_count", 2);
    m.put("llama.feed_forward_length", 40);
    m.put("llama.attention.head_count", 4);
    m.put("llama.attention.head_count_kv", 2);
    m.put("llama.attention.key_length", 6);
    m.put("llama.attention.value_length", 6);
    m.put("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    m.put("llama.rope.dimension_count", 6);
    m.put("llama.rope.freq_base", 100f);
    return m;
  }

  private static List<GgufWriter.Entry> tensors() {
    List<GgufWriter.Entry> all = new ArrayList<>();
    MODEL.visit((name, p) -> {
      boolean turned = name.endsWith(".attn.q.weight") || name.endsWith(".attn.k.weight");
      all.add(entry(theirs(name), turned ? neighbours(p.weight().toTensor()) : p.weight()));
    });
    return all;
  }

  private static GgufWriter.Entry entry(String name, Weight weight) {
    return new GgufWriter.Entry(name, weight, DType.F32);
  }

  private static String theirs(String name) {
    return name.replace("embed.token.", "token_embd.")
        .replace("head.weight", "output.weight")
        .replaceAll("^norm\\.", "output_norm.")
        .replace("blocks.", "blk.")
        .replace("norm1", "attn_norm")
        .replace("norm2", "ffn_norm")
        .replace("attn.out", "attn_output")
        .replace("attn.", "attn_")
        .replace("mlp.", "ffn_");
  }

  /** As llama.cpp's converter turns heads of 6: a head's halves, reshaped to [3, 2] rows. */
  private static Weight neighbours(Tensor halves) {
    int cols = halves.cols();
    Tensor out = Tensor.zeros(halves.shape());
    for (int r = 0; r < halves.rows(); r++) {
      int d = r % 6;
      int to = r - d + (d < 3 ? 2 * d : 2 * (d - 3) + 1);
      System.arraycopy(
          halves.data(), halves.offset() + r * cols, out.data(), out.offset() + to * cols, cols);
    }
    return HeapWeight.of(out);
  }

  private static float[] logits(TransformerModel model) {
    int[] ids = TinyModels.tokens(7, 23, 1);
    Pass pass = Pass.of(Tape.evaluating(Kernels.scalar(), new Workspace()), 1, 7);
    return model.logits(pass, model.hidden(pass, ids), 0, 7).toArray();
  }
}
