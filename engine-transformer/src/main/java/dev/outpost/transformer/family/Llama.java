package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.load.NameTable;
import java.util.List;
import java.util.Map;

/**
 * Llama (Touvron et al. 2023) and what shares its {@code model_type}, SmolLM among them: RMSNorm,
 * rotary positions, SwiGLU, grouped heads; names under {@code model.} or bare.
 */
public record Llama() implements Family {
  /**
   * A field of our own in a package's {@code config.json}: query and key rows are in the order of
   * GGUF files, neighbours turning together. No Hugging Face folder has it.
   */
  public static final String NEIGHBOURS = "rope_neighbours";

  private static final int MAX = 1 << 24;
  private static final double THETA = 10_000;

  @Override
  public String modelType() {
    return "llama";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    refusePresent(
        c,
        "quantization_config",
        "quantised weights are not supported; use a checkpoint in F32, F16 or BF16");
    refusePresent(c, "sliding_window", "attention over a sliding window is not supported");
    refusePresent(c, "pruned_heads", "pruned attention heads are not supported");
    double eps = c.number("rms_norm_eps", 1e-6);
    if (!((float) eps > 0)) throw c.wrong("rms_norm_eps", "must be positive, got " + eps);
    int width = c.integer("hidden_size", 1, MAX);
    int heads = c.integer("num_attention_heads", 1, MAX);
    int kvHeads = c.integer("num_key_value_heads", 1, MAX, heads);
    if (heads % kvHeads != 0)
      throw c.wrong(
          "num_key_value_heads", "must divide num_attention_heads " + heads + ", got " + kvHeads);
    int headDim = headDim(c, width, heads);
    boolean attentionBias = c.bool("attention_bias", false);
    return new Spec(
        modelType(),
        c.integer("vocab_size", 1, MAX),
        c.integer("max_position_embeddings", 1, MAX),
        width,
        c.integer("num_hidden_layers", 1, 10_000),
        Spec.Embedding.plain(width),
        Spec.Attention.causal(
            heads, kvHeads, headDim, Spec.Inputs.SEPARATE, attentionBias, attentionBias),
        new Spec.FeedForward(
            c.integer("intermediate_size", 1, MAX),
            Activations.read(c, "hidden_act", "silu"),
            true,
            false,
            c.bool("mlp_bias", false)),
        new Spec.Norms(Norm.Kind.RMS, (float) eps, Spec.Placement.BEFORE, true),
        new Spec.Positions.Rotary(theta(c), headDim / 2).with(pairing(c)),
        List.of(Spec.Layer.FULL),
        new Spec.Head(c.bool("tie_word_embeddings", false), 0),
        Linear.Layout.OUT_IN);
  }

  private static int headDim(JsonObject c, int width, int heads) throws FormatException {
    if (!c.has("head_dim") && width % heads != 0)
      throw c.wrong("num_attention_heads", "must divide hidden_size " + width + ", got " + heads);
    int headDim = c.integer("head_dim", 1, 1 << 16, width / heads);
    if (headDim % 2 != 0)
      throw c.wrong(
          c.has("head_dim") ? "head_dim" : "num_attention_heads",
          "must give heads of even size for rotary positions, got " + headDim);
    if ((long) heads * headDim > MAX)
      throw c.wrong("head_dim", "times num_attention_heads " + heads + " is too large");
    return headDim;
  }

  /** The base of the frequencies: a field of its own, or since Transformers 5 one of an object. */
  private static double theta(JsonObject c) throws FormatException {
    refuseScaling(c, "rope_scaling");
    double outer = positive(c, "rope_theta", THETA);
    if (!c.has("rope_parameters")) return partial(c, outer);
    refuseScaling(c, "rope_parameters");
    JsonObject rope = c.object("rope_parameters");
    double inner = positive(rope, "rope_theta", outer);
    if (c.has("rope_theta") && inner != outer)
      throw c.wrong("rope_theta", "is " + outer + ", but rope_parameters says " + inner);
    partial(rope, inner);
    return partial(c, inner);
  }

  private static RotaryPairing pairing(JsonObject c) throws FormatException {
    return c.bool(NEIGHBOURS, false) ? RotaryPairing.NEIGHBOURS : RotaryPairing.HALVES;
  }

  private static double positive(JsonObject c, String field, double otherwise)
      throws FormatException {
    double v = c.number(field, otherwise);
    if (!(v >= 1)) throw c.wrong(field, "must be at least 1, got " + v);
    return v;
  }

  private static double partial(JsonObject c, double theta) throws FormatException {
    double part = c.number("partial_rotary_factor", 1);
    if (part != 1)
      throw c.wrong("partial_rotary_factor", "is " + part + ": only 1 is supported for llama");
    return theta;
  }

  /** Refuses every kind of scaled positions; before Transformers 4.43 the kind was {@code type}. */
  private static void refuseScaling(JsonObject c, String field) throws FormatException {
    if (!c.has(field)) return;
    JsonObject rope = c.object(field);
    for (String kind : List.of("rope_type", "type")) {
      String name = rope.optionalString(kind).orElse("default");
      if (!name.equals("default"))
        throw c.wrong(
            field, "asks for \"" + name + "\" positions; only \"default\" is supported for llama");
    }
    if (rope.has("factor") && rope.number("factor", 1) != 1)
      throw c.wrong(field, "has a factor, but names no kind of scaling");
  }

  /** Refuses an object or number that says anything. */
  private static void refusePresent(JsonObject c, String field, String what)
      throws FormatException {
    if (c.has(field) && !Map.of().equals(c.value(field))) throw c.wrong(field, "is set: " + what);
  }

  /**
   * The choices of a Llama of these sizes without biases.
   *
   * @param headDim numbers per head, even
   * @param inner feed-forward width
   * @param theta base of the rotary frequencies
   */
  public static Spec spec(
      int vocabularySize,
      int context,
      int width,
      int layers,
      int heads,
      int kvHeads,
      int headDim,
      int inner,
      float eps,
      double theta,
      boolean tiedHead) {
    return new Spec(
        "llama",
        vocabularySize,
        context,
        width,
        layers,
        Spec.Embedding.plain(width),
        Spec.Attention.causal(heads, kvHeads, headDim, Spec.Inputs.SEPARATE, false, false),
        new Spec.FeedForward(inner, UnaryMap.SILU, true, false, false),
        new Spec.Norms(Norm.Kind.RMS, eps, Spec.Placement.BEFORE, true),
        new Spec.Positions.Rotary(theta, headDim / 2),
        List.of(Spec.Layer.FULL),
        new Spec.Head(tiedHead, 0),
        Linear.Layout.OUT_IN);
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    if (!(s.positions() instanceof Spec.Positions.Rotary rotary))
      throw new IllegalArgumentException("llama: positions must be rotary, got " + s.positions());
    Spec.Attention a = s.attention();
    JsonObject config = sizes(s, a, rotary, endOfText);
    return switch (rotary.pairing()) {
      case HALVES -> config;
      case NEIGHBOURS -> config.put(NEIGHBOURS, true);
    };
  }

  private JsonObject sizes(Spec s, Spec.Attention a, Spec.Positions.Rotary rotary, int endOfText) {
    return JsonObject.create()
        .put("architectures", List.of("LlamaForCausalLM"))
        .put("model_type", modelType())
        .put("vocab_size", s.vocabularySize())
        .put("max_position_embeddings", s.context())
        .put("hidden_size", s.width())
        .put("num_hidden_layers", s.layers())
        .put("num_attention_heads", a.heads())
        .put("num_key_value_heads", a.kvHeads())
        .put("head_dim", a.headDim())
        .put("intermediate_size", s.feedForward().width())
        .put("hidden_act", Activations.name(s.feedForward().activation()))
        .put("rms_norm_eps", Double.parseDouble(Float.toString(s.norms().eps())))
        .put("rope_theta", rotary.theta())
        .put("attention_bias", a.inputBias())
        .put("mlp_bias", s.feedForward().bias())
        .put("attention_dropout", 0.0)
        .put("initializer_range", 0.02)
        .put("tie_word_embeddings", s.head().tied())
        .put("bos_token_id", endOfText)
        .put("eos_token_id", endOfText)
        .put("torch_dtype", "float32");
  }

  @Override
  public NameTable names() {
    NameTable t =
        NameTable.of("model.")
            .name("embed.token.weight", "embed_tokens.weight")
            .name("blocks.{}.norm1.weight", "layers.{}.input_layernorm.weight")
            .name("blocks.{}.norm2.weight", "layers.{}.post_attention_layernorm.weight")
            .name("norm.weight", "norm.weight")
            .unprefixed("head.weight", "lm_head.weight")
            // A buffer that old checkpoints carry; it is recomputed.
            .ignore("layers.{}.self_attn.rotary_emb.inv_freq");
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
}
