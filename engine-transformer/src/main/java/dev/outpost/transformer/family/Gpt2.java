package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.load.NameTable;
import java.util.List;

/**
 * GPT-2 (Radford et al. 2019) as Hugging Face stores it: Conv1D weights [in, out], names under
 * {@code transformer.} or bare.
 */
public record Gpt2() implements Family {
  private static final int MAX = 1 << 24;

  @Override
  public String modelType() {
    return "gpt2";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    refuse(c, "scale_attn_weights", true, "attention without the 1/√d scale");
    refuse(c, "scale_attn_by_inverse_layer_idx", false, "per-layer attention scales");
    refuse(c, "add_cross_attention", false, "cross-attention");
    refusePresent(
        c,
        "quantization_config",
        "quantised weights are not supported; use a checkpoint in F32, F16 or BF16");
    refusePresent(c, "pruned_heads", "pruned attention heads are not supported");
    double eps = c.number("layer_norm_epsilon", 1e-5);
    if (!((float) eps > 0)) throw c.wrong("layer_norm_epsilon", "must be positive, got " + eps);
    int width = c.integer("n_embd", 1, MAX);
    int heads = c.integer("n_head", 1, MAX);
    if (width % heads != 0)
      throw c.wrong("n_head", "must divide n_embd " + width + ", got " + heads);
    return spec(
        c.integer("vocab_size", 1, MAX),
        c.has("n_positions") ? c.integer("n_positions", 1, MAX) : c.integer("n_ctx", 1, MAX),
        width,
        c.integer("n_layer", 1, 10_000),
        heads,
        c.integer("n_inner", 1, MAX, 4 * width),
        Activations.read(c, "activation_function", "gelu_new"),
        (float) eps,
        c.bool("tie_word_embeddings", true));
  }

  /**
   * What every GPT-2 has in common, and these sizes.
   *
   * @param inner feed-forward width
   * @throws IllegalArgumentException when a size is not positive or the heads do not divide the
   *     width
   */
  public static Spec spec(
      int vocabularySize,
      int context,
      int width,
      int layers,
      int heads,
      int inner,
      UnaryMap activation,
      float eps,
      boolean tiedHead) {
    if (heads < 1 || width < 1 || width % heads != 0)
      throw new IllegalArgumentException(
          "spec: width " + width + " must be a multiple of heads " + heads);
    return new Spec(
        "gpt2",
        vocabularySize,
        context,
        width,
        layers,
        Spec.Embedding.plain(width),
        Spec.Attention.causal(heads, heads, width / heads, Spec.Inputs.FUSED, true, true),
        new Spec.FeedForward(inner, activation, false, false, true),
        new Spec.Norms(Norm.Kind.LAYER, eps, Spec.Placement.BEFORE, true),
        new Spec.Positions.Learned(0),
        List.of(Spec.Layer.FULL),
        new Spec.Head(tiedHead, 0),
        Linear.Layout.IN_OUT);
  }

  private static void refuse(JsonObject c, String field, boolean supported, String what)
      throws FormatException {
    if (c.bool(field, supported) != supported)
      throw c.wrong(field, "is " + !supported + ": " + what + " is not supported for gpt2");
  }

  /** Refuses an object that says anything; old files carry empty ones. */
  private static void refusePresent(JsonObject c, String field, String what)
      throws FormatException {
    if (c.has(field) && !c.object(field).names().isEmpty()) throw c.wrong(field, "is set: " + what);
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    return JsonObject.create()
        .put("architectures", List.of("GPT2LMHeadModel"))
        .put("model_type", modelType())
        .put("vocab_size", s.vocabularySize())
        .put("n_positions", s.context())
        .put("n_embd", s.width())
        .put("n_layer", s.layers())
        .put("n_head", s.attention().heads())
        .put("n_inner", s.feedForward().width())
        .put("activation_function", Activations.name(s.feedForward().activation()))
        .put("layer_norm_epsilon", Double.parseDouble(Float.toString(s.norms().eps())))
        .put("resid_pdrop", 0.0)
        .put("embd_pdrop", 0.0)
        .put("attn_pdrop", 0.0)
        .put("initializer_range", 0.02)
        .put("tie_word_embeddings", s.head().tied())
        .put("bos_token_id", endOfText)
        .put("eos_token_id", endOfText)
        .put("torch_dtype", "float32");
  }

  @Override
  public NameTable names() {
    return NameTable.of("transformer.")
        .name("embed.token.weight", "wte.weight")
        .name("embed.position.weight", "wpe.weight")
        .name("blocks.{}.norm1.weight", "h.{}.ln_1.weight")
        .name("blocks.{}.norm1.bias", "h.{}.ln_1.bias")
        .name("blocks.{}.attn.qkv.weight", "h.{}.attn.c_attn.weight")
        .name("blocks.{}.attn.qkv.bias", "h.{}.attn.c_attn.bias")
        .name("blocks.{}.attn.out.weight", "h.{}.attn.c_proj.weight")
        .name("blocks.{}.attn.out.bias", "h.{}.attn.c_proj.bias")
        .name("blocks.{}.norm2.weight", "h.{}.ln_2.weight")
        .name("blocks.{}.norm2.bias", "h.{}.ln_2.bias")
        .name("blocks.{}.mlp.up.weight", "h.{}.mlp.c_fc.weight")
        .name("blocks.{}.mlp.up.bias", "h.{}.mlp.c_fc.bias")
        .name("blocks.{}.mlp.down.weight", "h.{}.mlp.c_proj.weight")
        .name("blocks.{}.mlp.down.bias", "h.{}.mlp.c_proj.bias")
        .name("norm.weight", "ln_f.weight")
        .name("norm.bias", "ln_f.bias")
        .unprefixed("head.weight", "lm_head.weight")
        // Causal-mask buffers that old checkpoints carry; they are no parameters.
        .ignore("h.{}.attn.bias")
        .ignore("h.{}.attn.masked_bias");
  }
}
