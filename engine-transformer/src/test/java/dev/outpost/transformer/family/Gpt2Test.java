package dev.outpost.transformer.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class Gpt2Test {
  /** The fields that matter of {@code openai-community/gpt2}'s own file. */
  private static final String SMALL =
      """
      {"model_type": "gpt2", "activation_function": "gelu_new", "n_ctx": 1024, "n_embd": 768, "n_head": 12,
       "n_layer": 12, "n_positions": 1024, "layer_norm_epsilon": 1e-05, "vocab_size": 50257, "n_inner": null,
       "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}}}
      """;

  @Test
  void readsTheSmallModelOfThePaper() throws FormatException {
    Spec spec = read(SMALL);
    assertThat(spec)
        .isEqualTo(Gpt2.spec(50257, 1024, 768, 12, 12, 3072, UnaryMap.GELU_TANH, 1e-5f, true));
    assertThat(spec.parameters()).isEqualTo(124_439_808);
  }

  @Test
  void countsTheParametersOfTheXlModelOfThePaper() throws FormatException {
    Spec spec =
        read(
            with(
                "\"n_embd\": 1600, \"n_head\": 25, \"n_layer\": 48",
                "n_embd",
                "n_head",
                "n_layer"));
    assertThat(spec.blockParameters()).isEqualTo(30_740_800);
    assertThat(spec.parameters()).isEqualTo(1_557_611_200);
  }

  @Test
  void countsAreThoseOfTheModelBuilt() {
    Spec spec = TinyModels.spec(3);
    assertThat(TinyModels.random(spec, 1).count(false)).isEqualTo(spec.parameters());
    Spec untied = Gpt2.spec(23, 24, 16, 2, 2, 40, UnaryMap.RELU, 1e-5f, false);
    assertThat(TinyModels.random(untied, 1).count(false)).isEqualTo(untied.parameters());
  }

  @ParameterizedTest
  @CsvSource({
    "scale_attn_weights, false",
    "scale_attn_by_inverse_layer_idx, true",
    "add_cross_attention, true",
    "activation_function, '\"mish\"'",
    "n_head, 7",
    "n_head, 0",
    "n_layer, 0",
    "n_layer, 1000000",
    "n_embd, -768",
    "n_positions, 0",
    "n_inner, 0",
    "vocab_size, 50257.5",
    "vocab_size, '\"many\"'",
    "layer_norm_epsilon, '\"small\"'",
    "layer_norm_epsilon, -1e-5",
    "tie_word_embeddings, 1",
    "pruned_heads, '{\"0\": [1]}'",
    "quantization_config, '{\"bits\": 4}'"
  })
  void refusesWhatItWouldComputeDifferently(String field, String value) {
    assertThatThrownBy(() -> read(with("\"" + field + "\": " + value, field)))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("config.json: field " + field);
  }

  @ParameterizedTest
  @ValueSource(strings = {"vocab_size", "n_embd", "n_head", "n_layer"})
  void namesAMissingField(String field) {
    assertThatThrownBy(() -> read(with("\"unrelated\": 1", field)))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("config.json: field " + field + " is missing");
  }

  @Test
  void readsTheContextFromTheOldFieldToo() throws FormatException {
    assertThat(read(with("\"n_ctx\": 512", "n_ctx", "n_positions")).context()).isEqualTo(512);
  }

  @ParameterizedTest
  @EnumSource
  void whatItWritesItReadsBack(UnaryMap activation) throws FormatException {
    Spec spec = Gpt2.spec(300, 64, 32, 3, 4, 77, activation, 1e-6f, false);
    JsonObject written = new Gpt2().write(spec, 299);
    assertThat(read(written.toText())).isEqualTo(spec);
  }

  @Test
  void anotherFamilyIsRefusedWithTheSupportedOnes() {
    assertThatThrownBy(
            () -> Family.of(JsonObject.parse("config.json", "{\"model_type\": \"mamba\"}")))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("config.json: field model_type", "mamba", "gpt2");
    assertThatThrownBy(() -> Family.of(JsonObject.parse("config.json", "{}")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("field model_type is missing");
  }

  private static Spec read(String json) throws FormatException {
    JsonObject config = JsonObject.parse("config.json", json);
    return Family.of(config).read(config);
  }

  /** The small model's file without some fields, and with others. */
  private static String with(String added, String... without) {
    String json = SMALL;
    for (String field : without)
      json = json.replaceFirst("\"" + field + "\": [^,{}]*(\\{[^}]*})?,?", "");
    return json.replaceFirst("\\{", "{" + added + ", ");
  }
}
