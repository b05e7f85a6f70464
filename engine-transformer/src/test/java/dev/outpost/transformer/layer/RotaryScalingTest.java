package dev.outpost.transformer.layer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.family.Family;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Scaled positions of real models against the reference's frequencies. */
class RotaryScalingTest {
  @Test
  void frequenciesAreTheReferences() throws IOException {
    JsonObject goldens;
    try (var in = Golden.resource("rotary.json")) {
      goldens =
          JsonObject.parse("rotary.json", new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
    assertThat(goldens.objects("cases")).hasSize(8);
    for (JsonObject c : goldens.objects("cases")) {
      Spec.Positions.Rotary rotary = read(c);
      same(c, "frequencies", RotaryTable.frequencies(rotary, false));
      if (c.has("long_frequencies"))
        same(c, "long_frequencies", RotaryTable.frequencies(rotary, true));
      double length = RotaryTable.length(rotary.scaling());
      assertThat(length).isEqualTo(c.number("length", 0));
    }
  }

  private static void same(JsonObject c, String field, float[] got) throws IOException {
    double[] want = Golden.numbers(c, field);
    assertThat(got).hasSize(want.length);
    // torch's power and ours may differ in the last place, and what follows with it.
    for (int i = 0; i < got.length; i++)
      assertThat(Math.abs(got[i] / want[i] - 1))
          .as("%s, %s, pair %d: %s and %s", c.string("name"), field, i, got[i], want[i])
          .isLessThan(4 * Math.ulp(1f));
  }

  /** The case's fields are those of a {@code config.json}, lists as text. */
  private static Spec.Positions.Rotary read(JsonObject c) throws IOException {
    int head = c.integer("head_dim", 2, 1000);
    JsonObject scaling = c.object("rope_scaling");
    for (String field : List.of("short_factor", "long_factor"))
      if (scaling.has(field))
        scaling.put(field, Arrays.stream(Golden.numbers(scaling, field)).boxed().toList());
    String text =
        JsonObject.create()
            .put("model_type", "llama")
            .put("vocab_size", 10)
            .put("hidden_size", 2 * head)
            .put("num_attention_heads", 2)
            .put("num_hidden_layers", 1)
            .put("intermediate_size", 10)
            .put("max_position_embeddings", c.value("max_position_embeddings"))
            .put("rope_theta", c.value("rope_theta"))
            .put("rope_scaling", scaling)
            .toText();
    JsonObject config = JsonObject.parse("config.json", text);
    return (Spec.Positions.Rotary) Family.of(config).read(config).positions();
  }
}
