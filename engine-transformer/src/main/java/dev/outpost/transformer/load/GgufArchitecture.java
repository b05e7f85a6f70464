package dev.outpost.transformer.load;

import dev.outpost.transformer.family.Bloom;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.family.Llama;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What llama.cpp calls a family and its tensors, and which metadata tells what our {@code
 * config.json} fields tell. Names after llama.cpp's gguf-py/gguf/constants.py.
 *
 * @param modelType {@code model_type} in config.json
 * @param name {@code general.architecture}, and the prefix of its keys
 * @param fields metadata key without prefix → field of config.json
 * @param always field of config.json → what every such file means by it, having no key for it
 * @param windows which layers see only a window
 * @param order a field of our own that says the file's order of rows; null when folders have the
 *     same
 * @param names of the tensors
 */
record GgufArchitecture(
    String modelType,
    String name,
    Map<String, String> fields,
    Map<String, Object> always,
    Windows windows,
    @Nullable String order,
    NameTable names) {
  /** Which layers llama.cpp lets see only a window. */
  enum Windows {
    NONE(0),
    ALL(0),
    /** All but every second. */
    TWO(2),
    /** All but every sixth, or as the file says. */
    SIX(6);

    private final int period;

    Windows(int period) {
      this.period = period;
    }

    /** Layer i of such a period sees everything when (i + 1) mod period is 0; 0 without one. */
    int period() {
      return period;
    }
  }

  /** A part of every head turns, rather than all of it. */
  boolean partly() {
    return modelType.equals("phi3");
  }

  private static final List<GgufArchitecture> ALL =
      List.of(
          new GgufArchitecture(
              "llama",
              "llama",
              rotary(),
              always("hidden_act", "silu", "attention_bias", false, "mlp_bias", false),
              Windows.NONE,
              Llama.NEIGHBOURS,
              gated()),
          new GgufArchitecture(
              "mistral",
              "llama",
              rotary(),
              always("hidden_act", "silu"),
              Windows.NONE,
              Llama.NEIGHBOURS,
              gated()),
          new GgufArchitecture(
              "qwen2",
              "qwen2",
              rotary(),
              always("hidden_act", "silu"),
              Windows.NONE,
              null,
              gated()),
          new GgufArchitecture(
              "qwen3",
              "qwen3",
              rotary(),
              always("hidden_act", "silu", "attention_bias", false),
              Windows.NONE,
              null,
              headNorms(gated())),
          new GgufArchitecture(
              "gemma", "gemma", rotary(), gemma("hidden_act"), Windows.NONE, null, gated()),
          new GgufArchitecture(
              "gemma2",
              "gemma2",
              plus(
                  rotary(),
                  "attn_logit_softcapping",
                  "attn_logit_softcapping",
                  "final_logit_softcapping",
                  "final_logit_softcapping"),
              gemma("hidden_activation"),
              Windows.TWO,
              null,
              normsAround(gated())),
          new GgufArchitecture(
              "gemma3_text",
              "gemma3",
              plus(rotary(), "rope.freq_base_swa", "rope_local_base_freq"),
              gemma("hidden_activation"),
              Windows.SIX,
              null,
              headNorms(normsAround(gated()))),
          new GgufArchitecture(
              "phi3",
              "phi3",
              rotary(),
              always("hidden_act", "silu"),
              Windows.ALL,
              null,
              both(common(), "blocks.{}.attn.qkv.", "blk.{}.attn_qkv.")
                  .name("blocks.{}.mlp.gate_up.weight", "blk.{}.ffn_up.weight")),
          new GgufArchitecture(
              "gpt2",
              "gpt2",
              plus(
                  Map.of(),
                  "context_length",
                  "n_positions",
                  "embedding_length",
                  "n_embd",
                  "block_count",
                  "n_layer",
                  "feed_forward_length",
                  "n_inner",
                  "attention.head_count",
                  "n_head",
                  "attention.layer_norm_epsilon",
                  "layer_norm_epsilon"),
              always("activation_function", "gelu_new"),
              Windows.NONE,
              Gpt2.OUT_IN,
              both(ungated(), "blocks.{}.attn.qkv.", "blk.{}.attn_qkv.")
                  .name("embed.position.weight", "position_embd.weight")),
          new GgufArchitecture(
              "bloom",
              "bloom",
              plus(
                  Map.of(),
                  "context_length",
                  "seq_length",
                  "embedding_length",
                  "hidden_size",
                  "block_count",
                  "n_layer",
                  "attention.head_count",
                  "n_head",
                  "attention.layer_norm_epsilon",
                  "layer_norm_epsilon"),
              Map.of(),
              Windows.NONE,
              Bloom.BY_KIND,
              both(
                  both(ungated(), "blocks.{}.attn.qkv.", "blk.{}.attn_qkv."),
                  "embed.norm.",
                  "token_embd_norm.")));

  static Optional<GgufArchitecture> of(String modelType) {
    return ALL.stream().filter(a -> a.modelType.equals(modelType)).findFirst();
  }

  /** By what a file says; Mistral calls itself llama. */
  static Optional<GgufArchitecture> named(String name) {
    return ALL.stream().filter(a -> a.name.equals(name)).findFirst();
  }

  static List<String> supported() {
    return ALL.stream().map(GgufArchitecture::modelType).toList();
  }

  static List<String> readable() {
    return ALL.stream().map(GgufArchitecture::name).distinct().toList();
  }

  /** A key of this architecture. */
  String key(String plain) {
    return name + "." + plain;
  }

  private static Map<String, String> rotary() {
    return plus(
        Map.of(),
        "context_length",
        "max_position_embeddings",
        "embedding_length",
        "hidden_size",
        "block_count",
        "num_hidden_layers",
        "feed_forward_length",
        "intermediate_size",
        "attention.head_count",
        "num_attention_heads",
        "attention.head_count_kv",
        "num_key_value_heads",
        "attention.key_length",
        "head_dim",
        "attention.value_length",
        "head_dim",
        "attention.layer_norm_rms_epsilon",
        "rms_norm_eps",
        "rope.freq_base",
        "rope_theta");
  }

  private static Map<String, Object> gemma(String activation) {
    return always(
        activation, "gelu_pytorch_tanh", "attention_bias", false, "tie_word_embeddings", true);
  }

  private static NameTable common() {
    NameTable t = NameTable.of("").name("embed.token.weight", "token_embd.weight");
    t = both(t.name("head.weight", "output.weight"), "norm.", "output_norm.");
    t = both(t, "blocks.{}.norm1.", "blk.{}.attn_norm.");
    t = both(t, "blocks.{}.norm2.", "blk.{}.ffn_norm.");
    t = both(t, "blocks.{}.attn.out.", "blk.{}.attn_output.");
    return both(t, "blocks.{}.mlp.down.", "blk.{}.ffn_down.");
  }

  private static NameTable ungated() {
    return both(common(), "blocks.{}.mlp.up.", "blk.{}.ffn_up.");
  }

  private static NameTable gated() {
    NameTable t = both(ungated(), "blocks.{}.mlp.gate.", "blk.{}.ffn_gate.");
    for (String which : List.of("q", "k", "v"))
      t = both(t, "blocks.{}.attn." + which + ".", "blk.{}.attn_" + which + ".");
    return t;
  }

  private static NameTable headNorms(NameTable t) {
    return t.name("blocks.{}.attn.q_norm.weight", "blk.{}.attn_q_norm.weight")
        .name("blocks.{}.attn.k_norm.weight", "blk.{}.attn_k_norm.weight");
  }

  private static NameTable normsAround(NameTable t) {
    return t.name("blocks.{}.norm1_inside.weight", "blk.{}.post_attention_norm.weight")
        .name("blocks.{}.norm2_inside.weight", "blk.{}.post_ffw_norm.weight");
  }

  private static NameTable both(NameTable t, String ours, String theirs) {
    return t.name(ours + "weight", theirs + "weight").name(ours + "bias", theirs + "bias");
  }

  private static Map<String, String> plus(Map<String, String> fields, String... keysAndFields) {
    Map<String, String> m = new LinkedHashMap<>(fields);
    for (int i = 0; i < keysAndFields.length; i += 2) m.put(keysAndFields[i], keysAndFields[i + 1]);
    return m;
  }

  private static Map<String, Object> always(Object... fieldsAndValues) {
    Map<String, Object> m = new LinkedHashMap<>();
    for (int i = 0; i < fieldsAndValues.length; i += 2)
      m.put((String) fieldsAndValues[i], fieldsAndValues[i + 1]);
    return m;
  }
}
