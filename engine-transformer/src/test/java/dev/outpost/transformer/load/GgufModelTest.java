package dev.outpost.transformer.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufWriter;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyGguf;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Llama;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufModelTest {
  private static final TransformerModel MODEL = TinyModels.random(TinyModels.llama(2), 5);

  @TempDir private Path temporary;

  @Test
  void rowsInNeighboursOrderGiveTheSameLogits() throws IOException {
    try (ModelFolder read =
        ModelFolder.open(write(TinyGguf.metadata(MODEL.spec()), TinyGguf.tensors(MODEL)))) {
      assertThat(read.model().spec())
          .isEqualTo(
              MODEL.spec().with(new Spec.Positions.Rotary(100, 3).with(RotaryPairing.NEIGHBOURS)));
      assertThat(read.model().parameters().values().stream().map(Parameter::weight))
          .filteredOn(w -> w.shape().rank() == 2)
          .allMatch(MappedWeight.class::isInstance, "is read in place");
      // A head's products are summed in another order, and nothing else differs.
      assertThat(Golden.far(logits(read.model()), logits(MODEL))).isLessThan(1e-6);
    }
  }

  @Test
  void aFolderWrittenFromItHasTheRowsOfHalves() throws IOException {
    Path folder = temporary.resolve("folder");
    try (ModelFolder read =
        ModelFolder.open(write(TinyGguf.metadata(MODEL.spec()), TinyGguf.tensors(MODEL)))) {
      ModelFolder.write(folder, read.model(), read.config(), null);
    }
    try (ModelFolder read = ModelFolder.open(folder)) {
      assertThat(read.config().names()).doesNotContain(Llama.NEIGHBOURS);
      assertThat(read.model().spec()).isEqualTo(MODEL.spec());
      Map<String, float[]> want = TinyModels.numbers(MODEL);
      TinyModels.numbers(read.model())
          .forEach((name, numbers) -> assertThat(numbers).as(name).containsExactly(want.get(name)));
      assertThat(logits(read.model()).toArray()).containsExactly(logits(MODEL).toArray());
    }
  }

  @Test
  void whatIsNoPlainLlamaIsRefused() throws IOException {
    refuses("general.architecture", "falcon", "supported: [llama, qwen2, ");
    refuses("llama.rope.scaling.type", "yarn", "only none and linear");
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
    List<GgufWriter.Entry> more = TinyGguf.tensors(MODEL);
    more.add(TinyGguf.entry("blk.0.attn_q.bias", HeapWeight.of(Tensor.zeros(Shape.of(24)))));
    Path file = write(TinyGguf.metadata(MODEL.spec()), more);
    assertThatThrownBy(() -> ModelFolder.open(file))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("blk.0.attn_q.bias");
  }

  private void refuses(String key, Object value, String message) throws IOException {
    Map<String, Object> m = TinyGguf.metadata(MODEL.spec());
    m.put(key, value);
    Path file = write(m, TinyGguf.tensors(MODEL));
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

  private static Tensor logits(TransformerModel model) {
    int[] ids = TinyModels.tokens(7, 23, 1);
    Pass pass = Pass.of(Tape.evaluating(Kernels.scalar(), new Workspace()), 1, 7);
    return model.logits(pass, model.hidden(pass, ids), 0, 7);
  }
}
