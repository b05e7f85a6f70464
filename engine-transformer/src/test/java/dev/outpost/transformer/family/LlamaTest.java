package dev.outpost.transformer.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.RotaryScaling;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.load.NameTable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class LlamaTest {
  /** The fields that matter of {@code HuggingFaceTB/SmolLM-135M}'s own file. */
  private static final String SMOL =
      """
      {"model_type": "llama", "attention_bias": false, "attention_dropout": 0.0, "hidden_act": "silu",
       "hidden_size": 576, "initializer_range": 0.02, "intermediate_size": 1536, "max_position_embeddings": 2048,
       "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3, "rms_norm_eps": 1e-05,
       "rope_scaling": null, "rope_theta": 10000.0, "tie_word_embeddings": true, "vocab_size": 49152}
      """;

  @Test
  void readsSmolLm() throws FormatException {
    Spec spec = read(SMOL);
    assertThat(spec)
        .isEqualTo(Llama.spec(49152, 2048, 576, 30, 9, 3, 64, 1536, 1e-5f, 10_000, true));
    assertThat(spec.parameters()).isEqualTo(134_515_008);
  }

  /** Llama 2 7B: no field for key-value heads' number or size, and its own head. */
  @Test
  void countsTheParametersOfTheSevenBillionModel() throws FormatException {
    Spec spec =
        read(
            """
            {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_attention_heads": 32,
             "max_position_embeddings": 4096, "num_hidden_layers": 32, "rms_norm_eps": 1e-05, "vocab_size": 32000}
            """);
    assertThat(spec.attention().kvHeads()).isEqualTo(32);
    assertThat(spec.attention().headDim()).isEqualTo(128);
    assertThat(spec.head().tied()).isFalse();
    assertThat(spec.parameters()).isEqualTo(6_738_415_616L);
  }

  @Test
  void countsAreThoseOfTheModelBuilt() throws FormatException {
    Spec spec = TinyModels.llama(3);
    assertThat(TinyModels.random(spec, 1).count(false)).isEqualTo(spec.parameters());
    Spec biased = read(with("\"attention_bias\": true, \"mlp_bias\": true", "attention_bias"));
    Spec plain = read(SMOL);
    assertThat(biased.blockParameters() - plain.blockParameters())
        .isEqualTo(576 + 2 * 192 + 576 + 2 * 1536 + 576);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"rope_parameters\": {\"rope_theta\": 500000.0, \"rope_type\": \"default\"}",
        "\"rope_parameters\": {\"rope_theta\": 500000.0}, \"rope_theta\": 500000",
        "\"rope_parameters\": {\"rope_type\": \"default\"}, \"rope_theta\": 500000",
        "\"rope_scaling\": {\"rope_type\": \"default\"}, \"rope_theta\": 500000.0",
        "\"rope_scaling\": {}, \"rope_theta\": 500000.0"
      })
  void readsTheBaseOfTheFrequenciesFromEitherPlace(String fields) throws FormatException {
    assertThat(read(with(fields, "rope_theta", "rope_scaling")).positions())
        .isEqualTo(new Spec.Positions.Rotary(500_000, 32));
    assertThat(read(with("\"unrelated\": 1", "rope_theta")).positions())
        .isEqualTo(new Spec.Positions.Rotary(10_000, 32));
  }

  @ParameterizedTest
  @CsvSource({
    "rope_scaling, '{\"rope_type\": \"ntk\", \"factor\": 2.0}'",
    "rope_scaling, '{\"rope_type\": \"linear\", \"type\": \"yarn\", \"factor\": 2.0}'",
    "rope_scaling, '{\"factor\": 2.0}'",
    "rope_scaling, '\"linear\"'",
    "rope_parameters, '{\"rope_type\": \"proportional\", \"rope_theta\": 10000.0}'",
    "rope_parameters, '{\"rope_theta\": 500.0}'",
    "rope_theta, 0",
    "rope_theta, '\"large\"'",
    "partial_rotary_factor, 0.5",
    "hidden_act, '\"mish\"'",
    "hidden_act, 3",
    "num_attention_heads, 21",
    "num_attention_heads, 0",
    "num_key_value_heads, 2",
    "num_key_value_heads, 0",
    "head_dim, 63",
    "head_dim, 0",
    "num_hidden_layers, 0",
    "num_hidden_layers, 1000000",
    "hidden_size, -576",
    "intermediate_size, 0",
    "max_position_embeddings, 0",
    "vocab_size, 1.5",
    "rms_norm_eps, 0",
    "rms_norm_eps, '\"small\"'",
    "tie_word_embeddings, 1",
    "attention_bias, '\"yes\"'",
    "mlp_bias, 1",
    "sliding_window, 4096",
    "quantization_config, '{\"bits\": 4}'",
    "pruned_heads, '{\"0\": [1]}'"
  })
  void refusesWhatItWouldComputeDifferently(String field, String value) {
    String at = value.contains("500.0") ? "rope_theta" : field;
    assertThatThrownBy(() -> read(with("\"" + field + "\": " + value, field)))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("config.json: field " + at);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "factor | {\"type\": \"linear\"}",
        "factor | {\"rope_type\": \"yarn\", \"factor\": 0}",
        "factor | {\"rope_type\": \"llama3\", \"low_freq_factor\": 1, \"high_freq_factor\": 4}",
        "high_freq_factor | {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, \"high_freq_factor\": 4}",
        "low_freq_factor | {\"rope_type\": \"llama3\", \"factor\": 8.0}",
        "original_max_position_embeddings | {\"rope_type\": \"yarn\", \"factor\": 2, \"original_max_position_embeddings\": 0}",
        "mscale | {\"rope_type\": \"yarn\", \"factor\": 2, \"mscale\": 1.0}"
      })
  void namesWhatIsWrongWithAScaling(String field, String scaling) {
    assertThatThrownBy(() -> read(with("\"rope_scaling\": " + scaling, "rope_scaling")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("rope_scaling: field " + field);
  }

  @Test
  void readsScalingFromEitherPlace() throws FormatException {
    RotaryScaling want = new RotaryScaling.Llama3(32, 1, 4, 8192);
    String scaling =
        "\"factor\": 32.0, \"high_freq_factor\": 4.0, \"low_freq_factor\": 1.0,"
            + " \"original_max_position_embeddings\": 8192, \"rope_type\": \"llama3\"}";
    for (String place : new String[] {"rope_scaling", "rope_parameters"}) {
      Spec spec = read(with("\"" + place + "\": {" + scaling, "rope_scaling", "rope_theta"));
      assertThat(spec.positions()).isEqualTo(new Spec.Positions.Rotary(10_000, 32, want));
      assertThat(read(new Llama().write(spec, 0).toText())).isEqualTo(spec);
    }
    Spec old =
        read(with("\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}", "rope_scaling"));
    assertThat(old.positions())
        .isEqualTo(new Spec.Positions.Rotary(10_000, 32, new RotaryScaling.Linear(2)));
  }

  @Test
  void refusesAFactorInsideTheRotaryParameters() {
    String fields = "\"rope_parameters\": {\"partial_rotary_factor\": 0.25}";
    assertThatThrownBy(() -> read(with(fields, "rope_scaling")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("field partial_rotary_factor");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_attention_heads",
        "num_hidden_layers",
        "max_position_embeddings"
      })
  void namesAMissingField(String field) {
    assertThatThrownBy(() -> read(with("\"unrelated\": 1", field)))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("config.json: field " + field + " is missing");
  }

  @ParameterizedTest
  @EnumSource
  void whatItWritesItReadsBack(UnaryMap activation) throws FormatException {
    Spec plain = Llama.spec(300, 64, 32, 3, 4, 2, 10, 77, 1e-6f, 500_000, false);
    Spec spec =
        new Spec(
            "llama",
            300,
            64,
            32,
            3,
            plain.embedding(),
            Spec.Attention.causal(4, 2, 10, Spec.Inputs.SEPARATE, true, true),
            new Spec.FeedForward(77, activation, true, false, true),
            plain.norms(),
            plain.positions(),
            plain.pattern(),
            new Spec.Head(true, 0),
            plain.layout());
    for (Spec s : new Spec[] {plain, spec})
      assertThat(read(new Llama().write(s, 299).toText())).isEqualTo(s);
  }

  @Test
  void everyParameterHasAFileNameAndComesBack() {
    NameTable names = new Llama().names();
    TinyModels.random(TinyModels.llama(2), 1)
        .parameters()
        .keySet()
        .forEach(ours -> assertThat(names.ours(names.theirs(ours))).contains(ours));
    assertThat(names.theirs("blocks.1.attn.q.weight"))
        .isEqualTo("model.layers.1.self_attn.q_proj.weight");
    assertThat(names.ours("layers.1.mlp.gate_proj.bias")).contains("blocks.1.mlp.gate.bias");
    assertThat(names.theirs("head.weight")).isEqualTo("lm_head.weight");
    assertThat(names.ignores("model.layers.0.self_attn.rotary_emb.inv_freq")).isTrue();
  }

  private static Spec read(String json) throws FormatException {
    JsonObject config = JsonObject.parse("config.json", json);
    return Family.of(config).read(config);
  }

  /** SmolLM's file without some fields, and with others. */
  private static String with(String added, String... without) {
    String json = SMOL;
    for (String field : without)
      json = json.replaceFirst("\"" + field + "\": [^,{}]*(\\{[^}]*})?,?", "");
    return json.replaceFirst("\\{", "{" + added + ", ").replaceFirst(",\\s*}\\s*$", "}");
  }
}
