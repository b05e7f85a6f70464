package dev.outpost.transformer.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufWriter;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.TinyFamilies;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class GgufFamiliesTest {
  @SuppressWarnings("unused") // read by FieldSource
  private static final List<String> NAMES = TinyFamilies.NAMES;

  @TempDir private Path temporary;

  private Path file(ModelFolder source) throws IOException {
    Path file = temporary.resolve("model.gguf");
    GgufExport.write(
        file, source.model(), source.config(), "tiny", Map.of(), null, (done, all) -> {});
    return file;
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void aFolderWrittenAsGgufAndReadGivesItsLogits(String name) throws IOException {
    try (ModelFolder source = TinyFamilies.open(name, temporary);
        ModelFolder read = ModelFolder.open(file(source))) {
      assertThat(read.report().unused()).isEmpty();
      assertThat(read.model().parameters().values().stream().map(Parameter::weight))
          .filteredOn(w -> w.shape().rank() == 2)
          .allMatch(MappedWeight.class::isInstance, "is read in place");
      assertThat(Golden.far(logits(read.model()), logits(source.model()))).isLessThan(2e-6);
      // What a package keeps of it describes it.
      JsonObject config = JsonObject.parse("config.json", read.config().toText());
      assertThat(Family.of(config).read(config)).isEqualTo(read.model().spec());
    }
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void aFolderWrittenFromTheFileIsTheFirstOne(String name) throws IOException {
    Path again = temporary.resolve("again");
    try (ModelFolder source = TinyFamilies.open(name, temporary)) {
      try (ModelFolder read = ModelFolder.open(file(source))) {
        ModelFolder.write(again, read.model(), read.config(), null);
      }
      try (ModelFolder read = ModelFolder.open(again)) {
        assertThat(read.model().spec())
            .usingRecursiveComparison()
            .ignoringFields("family")
            .isEqualTo(source.model().spec());
        // A norm's weight that counts from 1 is rounded on the way to one that does not.
        float roundings =
            source.model().spec().norms().kind() == Norm.Kind.RMS_FROM_ONE ? 1e-6f : 0;
        Map<String, float[]> want = TinyModels.numbers(source.model());
        TinyModels.numbers(read.model())
            .forEach((parameter, got) ->
                assertThat(got)
                    .as(parameter)
                    .containsExactly(
                        want.get(parameter), within(parameter.contains("norm") ? roundings : 0)));
      }
    }
  }

  @Test
  void whatLlamaCppComputesOtherwiseIsRefused() throws IOException {
    refuses("gemma2-f32", "query_pre_attn_scalar", 10, "always has 8 with these sizes");
    refuses("gemma2-f32", "final_logit_softcapping", null, "always has one");
    refuses(
        "gemma2-f32",
        "layer_types",
        List.of("full_attention", "sliding_attention", "full_attention"),
        "always repeats itself");
    refuses("gemma2-f32", "attention_bias", true, "always has false");
    refuses("gemma3-f16", "final_logit_softcapping", 3.0, "always has none");
    refuses("mistral-window-f32", "sliding_window", 5, "always sees everything");
    refuses(
        "qwen3-f32",
        "rope_parameters",
        Map.of("rope_type", "yarn", "factor", 2.0, "rope_theta", 100.0),
        "other than linear");
    refuses("opt-before-f32", "model_type", "opt", "cannot be written as GGUF");
  }

  private void refuses(String name, String field, @Nullable Object value, String message)
      throws IOException {
    try (ModelFolder source = TinyFamilies.open(name, temporary)) {
      JsonObject config = source.config().put(field, value);
      assertThatThrownBy(
              () -> {
                JsonObject read = JsonObject.parse("config.json", config.toText());
                GgufArchitecture a = GgufExport.architecture(read);
                new GgufChoices(a).write(Family.of(read).read(read), read);
              })
          .isInstanceOf(FormatException.class)
          .hasMessageStartingWith("config.json: field " + field)
          .hasMessageContaining(message);
    }
  }

  @Test
  void tensorsThatTakePartUnseenAreRefused() throws IOException {
    for (String tensor :
        List.of("blk.0.attn_q_norm.weight", "rope_factors_long.weight", "blk.1.attn_output.bias")) {
      try (ModelFolder source = TinyFamilies.open("phi3-window-f32", temporary)) {
        Path file = temporary.resolve("more.gguf");
        List<GgufWriter.Entry> all = new ArrayList<>();
        GgufArchitecture a = GgufExport.architecture(source.config());
        source
            .model()
            .visit((name, p) ->
                all.add(
                    new GgufWriter.Entry(a.names().theirs(name), p.weight(), p.weight().dtype())));
        all.add(
            new GgufWriter.Entry(
                tensor, HeapWeight.of(Tensor.zeros(8)), dev.outpost.tensor.DType.F32));
        GgufWriter.write(
            file, new GgufChoices(a).write(source.model().spec(), source.config()), all);
        assertThatThrownBy(() -> ModelFolder.open(file))
            .isInstanceOf(FormatException.class)
            .hasMessageContaining(tensor + " takes part");
      }
    }
  }

  private static Tensor logits(TransformerModel model) {
    int[] ids = TinyModels.tokens(15, 50, 1);
    Pass pass = Pass.of(Tape.evaluating(Kernels.scalar(), new Workspace()), 1, ids.length);
    return model.logits(pass, model.hidden(pass, ids), 0, ids.length);
  }
}
