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
  /**
   * A field of our own in a package's {@code config.json}: projections are stored [out, in], as
   * GGUF files have them. No Hugging Face folder has it.
   */
  public static final String OUT_IN = "projections_out_in";

  private static final int MAX = 1 << 24;

  @Override
  public String modelType() {
    return "gpt2";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    DecoderFields.refuseUnless(c, "scale_attn_weights", true, "attention without the 1/√d scale");
    DecoderFields.refuseUnless(
        c, "scale_attn_by_inverse_layer_idx", false, "per-layer attention scales");
    DecoderFields.refuseUnless(c, "add_cross_attention", false, "cross-attention");
    DecoderFields.refuseForeign(c);
    float eps = DecoderFields.eps(c, "layer_norm_epsilon", 1e-5);
    int width = c.integer("n_embd", 1, MAX);
    int heads = c.integer("n_head", 1, MAX);
    if (width % heads != 0)
      throw c.wrong("n_head", "must divide n_embd " + width + ", got " + heads);
    Spec spec =
        spec(
            c.integer("vocab_size", 1, MAX),
            c.has("n_positions") ? c.integer("n_positions", 1, MAX) : c.integer("n_ctx", 1, MAX),
            width,
            c.integer("n_layer", 1, 10_000),
            heads,
            c.integer("n_inner", 1, MAX, 4 * width),
            Activations.read(c, "activation_function", "gelu_new"),
            eps,
            c.bool("tie_word_embeddings", true));
    return c.bool(OUT_IN, false) ? spec.with(Linear.Layout.OUT_IN) : spec;
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

  @Override
  public JsonObject write(Spec s, int endOfText) {
    JsonObject config =
        JsonObject.create()
            .put("architectures", List.of("GPT2LMHeadModel"))
            .put("model_type", modelType())
            .put("vocab_size", s.vocabularySize())
            .put("n_positions", s.context())
            .put("n_embd", s.width())
            .put("n_layer", s.layers())
            .put("n_head", s.attention().heads())
            .put("n_inner", s.feedForward().width())
            .put("activation_function", Activations.name(s.feedForward().activation()))
            .put("layer_norm_epsilon", DecoderFields.plain(s.norms().eps()))
            .put("resid_pdrop", 0.0)
            .put("embd_pdrop", 0.0)
            .put("attn_pdrop", 0.0)
            .put("initializer_range", 0.02)
            .put("tie_word_embeddings", s.head().tied())
            .put("bos_token_id", endOfText)
            .put("eos_token_id", endOfText)
            .put("torch_dtype", "float32");
    return s.layout() == Linear.Layout.OUT_IN ? config.put(OUT_IN, true) : config;
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
