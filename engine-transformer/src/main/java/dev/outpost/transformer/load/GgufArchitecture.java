package dev.outpost.transformer.load;

import dev.outpost.tensor.io.JsonObject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What llama.cpp calls a family and its tensors, and which metadata tells what our {@code
 * config.json} fields tell. Names after llama.cpp's gguf-py/gguf/constants.py.
 *
 * @param modelType {@code model_type} in config.json
 * @param name {@code general.architecture}, and the prefix of its keys
 * @param fields metadata key without prefix → field of config.json
 * @param names of the tensors
 * @param neighbours whether rotary positions turn neighbouring numbers of a head, where the
 *     family's folders have halves
 */
record GgufArchitecture(
    String modelType,
    String name,
    Map<String, String> fields,
    NameTable names,
    boolean neighbours) {
  static final GgufArchitecture LLAMA = rotary("llama", true);
  static final GgufArchitecture GPT2 =
      new GgufArchitecture(
          "gpt2",
          "gpt2",
          fields(
              "context_length", "n_positions",
              "embedding_length", "n_embd",
              "block_count", "n_layer",
              "feed_forward_length", "n_inner",
              "attention.head_count", "n_head",
              "attention.layer_norm_epsilon", "layer_norm_epsilon"),
          common()
              .name("embed.position.weight", "position_embd.weight")
              .name("blocks.{}.attn.qkv.weight", "blk.{}.attn_qkv.weight")
              .name("blocks.{}.attn.qkv.bias", "blk.{}.attn_qkv.bias"),
          false);

  private static final List<GgufArchitecture> ALL = List.of(LLAMA, GPT2);

  static Optional<GgufArchitecture> of(String modelType) {
    return ALL.stream().filter(a -> a.modelType.equals(modelType)).findFirst();
  }

  static List<String> supported() {
    return ALL.stream().map(GgufArchitecture::modelType).toList();
  }

  /** The metadata of a configuration as its family writes it. */
  Map<String, Object> metadata(JsonObject config) {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("general.architecture", name);
    fields.forEach((key, field) -> {
      Object v = config.value(field);
      boolean fraction = key.endsWith("epsilon") || key.endsWith("freq_base");
      if (v instanceof Number n)
        m.put(name + "." + key, fraction ? (Number) n.floatValue() : (Number) n.intValue());
    });
    return m;
  }

  private static GgufArchitecture rotary(String family, boolean neighbours) {
    NameTable names = common().name("blocks.{}.mlp.gate.weight", "blk.{}.ffn_gate.weight");
    for (String kind : List.of("weight", "bias"))
      for (String which : List.of("q", "k", "v"))
        names =
            names.name("blocks.{}.attn." + which + "." + kind, "blk.{}.attn_" + which + "." + kind);
    return new GgufArchitecture(
        family,
        family,
        fields(
            "vocab_size", "vocab_size",
            "context_length", "max_position_embeddings",
            "embedding_length", "hidden_size",
            "block_count", "num_hidden_layers",
            "feed_forward_length", "intermediate_size",
            "attention.head_count", "num_attention_heads",
            "attention.head_count_kv", "num_key_value_heads",
            "attention.key_length", "head_dim",
            "attention.value_length", "head_dim",
            "rope.dimension_count", "head_dim",
            "attention.layer_norm_rms_epsilon", "rms_norm_eps",
            "rope.freq_base", "rope_theta"),
        names,
        neighbours);
  }

  private static NameTable common() {
    NameTable t = NameTable.of("").name("embed.token.weight", "token_embd.weight");
    t = t.name("head.weight", "output.weight");
    for (String kind : List.of("weight", "bias"))
      t =
          t.name("norm." + kind, "output_norm." + kind)
              .name("blocks.{}.norm1." + kind, "blk.{}.attn_norm." + kind)
              .name("blocks.{}.norm2." + kind, "blk.{}.ffn_norm." + kind)
              .name("blocks.{}.attn.out." + kind, "blk.{}.attn_output." + kind)
              .name("blocks.{}.mlp.up." + kind, "blk.{}.ffn_up." + kind)
              .name("blocks.{}.mlp.down." + kind, "blk.{}.ffn_down." + kind);
    return t;
  }

  private static Map<String, String> fields(String... keysAndFields) {
    Map<String, String> m = new LinkedHashMap<>();
    for (int i = 0; i < keysAndFields.length; i += 2) m.put(keysAndFields[i], keysAndFields[i + 1]);
    return m;
  }
}
