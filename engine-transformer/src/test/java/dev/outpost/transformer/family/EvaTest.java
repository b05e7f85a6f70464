package dev.outpost.transformer.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.load.ModelFolder;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EvaTest {
  @TempDir private Path temporary;

  /** timm counts as many parameters in the models of these names. */
  @ParameterizedTest
  @CsvSource({
    "eva_giant_patch14_224, 1012555112, 257",
    "eva_giant_patch14_336, 1013005672, 577",
    "eva_giant_patch14_560.m30m_ft_in22k_in1k, 1014447464, 1601"
  })
  void theNameAloneGivesTheSizes(String architecture, long parameters, int positions)
      throws FormatException {
    JsonObject c = config("{\"architecture\": \"" + architecture + "\", \"num_classes\": 1000}");
    Spec spec = Family.of(c).read(c);
    assertThat(spec.parameters()).isEqualTo(parameters);
    assertThat(spec.context()).isEqualTo(positions);
    assertThat(spec.layers()).isEqualTo(40);
  }

  @ParameterizedTest
  @ValueSource(strings = {"eva-classes-f32", "eva-token-f16", "eva-features-f32"})
  void aWrittenFolderHoldsTheSameModel(String name) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    Path written = temporary.resolve("written");
    try (ModelFolder source = ModelFolder.open(golden.folder())) {
      JsonObject config = Family.of(source.config()).write(source.model().spec(), 0);
      ModelFolder.write(written, source.model(), config, null);
      try (ModelFolder again = ModelFolder.open(written)) {
        assertThat(again.model().spec()).isEqualTo(source.model().spec());
        assertThat(again.report().unused()).isEmpty();
        var got = TinyModels.numbers(again.model());
        TinyModels.numbers(source.model())
            .forEach((parameter, numbers) ->
                assertThat(got.get(parameter)).as(parameter).isEqualTo(numbers));
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "model_args | \"model_args\": {\"use_rot_pos_emb\": true} | [use_rot_pos_emb]",
        "num_heads | \"model_args\": {\"num_heads\": 3} | must divide embed_dim 1408",
        "mlp_ratio | \"model_args\": {\"mlp_ratio\": 0} | feed-forward width",
        "patch_size | \"model_args\": {\"img_size\": 8} | larger than img_size 8",
        "global_pool | \"global_pool\": \"map\" | avg, token",
        "num_classes | \"num_classes\": -1 | -1"
      })
  void refusesWhatItWouldComputeDifferently(String field, String said, String why)
      throws FormatException {
    JsonObject c = config("{\"architecture\": \"eva_giant_patch14_224\", " + said + "}");
    assertThatThrownBy(() -> Family.of(c).read(c))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("eva/config.json", field, why);
  }

  @Test
  void aModelTypeComesFirst() throws FormatException {
    JsonObject c =
        config("{\"architecture\": \"eva_giant_patch14_224\", \"model_type\": \"timm_wrapper\"}");
    assertThatThrownBy(() -> Family.of(c)).hasMessageContaining("timm_wrapper");
  }

  private static JsonObject config(String text) throws FormatException {
    return JsonObject.parse("eva/config.json", text);
  }
}
