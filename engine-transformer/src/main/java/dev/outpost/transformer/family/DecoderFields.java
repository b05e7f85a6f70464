package dev.outpost.transformer.family;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.load.NameTable;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What Llama and the families after it say alike in {@code config.json} and name alike. */
record DecoderFields(
    int vocabulary,
    int context,
    int width,
    int layers,
    int heads,
    int kvHeads,
    int headDim,
    int inner,
    float eps,
    boolean tied) {
  static final int MAX = 1 << 24;
  static final int MOST_LAYERS = 10_000;

  /**
   * What the reference takes where a file leaves a field out; 0 for what follows from the sizes.
   */
  record Absent(int kvHeads, int headDim, double eps, boolean tied) {}

  static DecoderFields read(JsonObject c, Absent absent) throws FormatException {
    refuseForeign(c);
    int width = c.integer("hidden_size", 1, MAX);
    int heads = c.integer("num_attention_heads", 1, MAX);
    boolean kvLeftOut = !c.names().contains("num_key_value_heads");
    int kvHeads =
        c.integer(
            "num_key_value_heads",
            1,
            MAX,
            kvLeftOut && absent.kvHeads > 0 ? absent.kvHeads : heads);
    if (heads % kvHeads != 0)
      throw c.wrong(
          "num_key_value_heads", "must divide num_attention_heads " + heads + ", got " + kvHeads);
    return new DecoderFields(
        c.integer("vocab_size", 1, MAX),
        c.integer("max_position_embeddings", 1, MAX),
        width,
        c.integer("num_hidden_layers", 1, MOST_LAYERS),
        heads,
        kvHeads,
        headDim(c, width, heads, absent.headDim),
        c.integer("intermediate_size", 1, MAX),
        eps(c, "rms_norm_eps", absent.eps),
        c.bool("tie_word_embeddings", absent.tied));
  }

  /** Refuses what no family here computes. */
  static void refuseForeign(JsonObject c) throws FormatException {
    refusePresent(
        c,
        "quantization_config",
        "quantised weights are not supported; use a checkpoint in F32, F16 or BF16");
    refusePresent(c, "pruned_heads", "pruned attention heads are not supported");
  }

  /** Refuses a field that says anything; old files carry empty objects. */
  static void refusePresent(JsonObject c, String field, String what) throws FormatException {
    if (c.has(field) && !Map.of().equals(c.value(field))) throw c.wrong(field, "is set: " + what);
  }

  /** Refuses a switch that is not as supported. */
  static void refuseUnless(JsonObject c, String field, boolean supported, String what)
      throws FormatException {
    if (c.bool(field, supported) != supported)
      throw c.wrong(field, "is " + !supported + ": " + what + " is not supported");
  }

  static float eps(JsonObject c, String field, double absent) throws FormatException {
    double eps = c.number(field, absent);
    if (!((float) eps > 0)) throw c.wrong(field, "must be positive, got " + eps);
    return (float) eps;
  }

  private static int headDim(JsonObject c, int width, int heads, int absent)
      throws FormatException {
    if (!c.has("head_dim") && absent == 0 && width % heads != 0)
      throw c.wrong("num_attention_heads", "must divide hidden_size " + width + ", got " + heads);
    int headDim = c.integer("head_dim", 1, 1 << 16, absent > 0 ? absent : width / heads);
    if (headDim % 2 != 0)
      throw c.wrong(
          c.has("head_dim") ? "head_dim" : "num_attention_heads",
          "must give heads of even size for rotary positions, got " + headDim);
    if ((long) heads * headDim > MAX)
      throw c.wrong("head_dim", "times num_attention_heads " + heads + " is too large");
    return headDim;
  }

  /** The fields that {@link #read} reads, and those that a fresh file of any family has. */
  static JsonObject write(Spec s, String architecture, int endOfText) {
    Spec.Attention a = s.attention();
    return JsonObject.create()
        .put("architectures", List.of(architecture))
        .put("model_type", s.family())
        .put("vocab_size", s.vocabularySize())
        .put("max_position_embeddings", s.context())
        .put("hidden_size", s.width())
        .put("num_hidden_layers", s.layers())
        .put("num_attention_heads", a.heads())
        .put("num_key_value_heads", a.kvHeads())
        .put("head_dim", a.headDim())
        .put("intermediate_size", s.feedForward().width())
        .put("rms_norm_eps", plain(s.norms().eps()))
        .put("attention_dropout", 0.0)
        .put("initializer_range", 0.02)
        .put("tie_word_embeddings", s.head().tied())
        .put("bos_token_id", endOfText)
        .put("eos_token_id", endOfText)
        .put("pad_token_id", (@Nullable Object) null)
        .put("torch_dtype", "float32");
  }

  /** The shortest decimal that reads back as this f32. */
  static double plain(float v) {
    return Double.parseDouble(Float.toString(v));
  }

  /** Names under {@code model.} or bare, with two norms before the halves of a block. */
  static NameTable names() {
    return projections(
        stack()
            .name("blocks.{}.norm1.weight", "layers.{}.input_layernorm.weight")
            .name("blocks.{}.norm2.weight", "layers.{}.post_attention_layernorm.weight"));
  }

  /** As Gemma 2 has them: norms before and behind. */
  static NameTable namesAround() {
    return projections(
        stack()
            .name("blocks.{}.norm1.weight", "layers.{}.input_layernorm.weight")
            .name("blocks.{}.norm1_inside.weight", "layers.{}.post_attention_layernorm.weight")
            .name("blocks.{}.norm2.weight", "layers.{}.pre_feedforward_layernorm.weight")
            .name("blocks.{}.norm2_inside.weight", "layers.{}.post_feedforward_layernorm.weight"));
  }

  private static NameTable stack() {
    return NameTable.of("model.")
        .name("embed.token.weight", "embed_tokens.weight")
        .name("norm.weight", "norm.weight")
        .unprefixed("head.weight", "lm_head.weight")
        // A buffer that old checkpoints carry; it is recomputed.
        .ignore("layers.{}.self_attn.rotary_emb.inv_freq");
  }

  private static NameTable projections(NameTable t) {
    for (String kind : List.of("weight", "bias"))
      t =
          t.name("blocks.{}.attn.q." + kind, "layers.{}.self_attn.q_proj." + kind)
              .name("blocks.{}.attn.k." + kind, "layers.{}.self_attn.k_proj." + kind)
              .name("blocks.{}.attn.v." + kind, "layers.{}.self_attn.v_proj." + kind)
              .name("blocks.{}.attn.out." + kind, "layers.{}.self_attn.o_proj." + kind)
              .name("blocks.{}.mlp.gate." + kind, "layers.{}.mlp.gate_proj." + kind)
              .name("blocks.{}.mlp.up." + kind, "layers.{}.mlp.up_proj." + kind)
              .name("blocks.{}.mlp.down." + kind, "layers.{}.mlp.down_proj." + kind);
    return t;
  }

  /** {@code names} with the norms of each query and key head. */
  static NameTable withHeadNorms(NameTable names) {
    return names
        .name("blocks.{}.attn.q_norm.weight", "layers.{}.self_attn.q_norm.weight")
        .name("blocks.{}.attn.k_norm.weight", "layers.{}.self_attn.k_norm.weight");
  }
}
