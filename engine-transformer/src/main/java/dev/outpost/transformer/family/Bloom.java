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
 * BLOOM (Le Scao et al. 2022): ALiBi, token rows normed, one projection whose columns go head by
 * head; names under {@code transformer.} or bare.
 */
public record Bloom() implements Family {
  /**
   * A field of our own in a package's {@code config.json}: the fused projection has all queries,
   * then all keys, then all values, as GGUF files have them. No Hugging Face folder has it.
   */
  public static final String BY_KIND = "qkv_by_kind";

  private static final int MAX = DecoderFields.MAX;

  /** The training's length; the positions know no end, but a cache must have one. */
  private static final int CONTEXT = 2048;

  @Override
  public String modelType() {
    return "bloom";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    DecoderFields.refuseForeign(c);
    DecoderFields.refuseUnless(
        c,
        "apply_residual_connection_post_layernorm",
        false,
        "a residual stream that starts behind the norm");
    int width = c.integer(c.has("n_embed") ? "n_embed" : "hidden_size", 1, MAX / 4);
    String headsField = c.has("n_head") ? "n_head" : "num_attention_heads";
    int heads = c.integer(headsField, 1, MAX);
    if (width % heads != 0)
      throw c.wrong(headsField, "must divide the width " + width + ", got " + heads);
    return new Spec(
        modelType(),
        c.integer("vocab_size", 1, MAX),
        c.integer("seq_length", 1, MAX, CONTEXT),
        width,
        c.integer(c.has("n_layer") ? "n_layer" : "num_hidden_layers", 1, DecoderFields.MOST_LAYERS),
        new Spec.Embedding(width, 1, true),
        Spec.Attention.causal(
            heads,
            heads,
            width / heads,
            c.bool(BY_KIND, false) ? Spec.Inputs.FUSED : Spec.Inputs.INTERLEAVED,
            true,
            true),
        new Spec.FeedForward(4 * width, UnaryMap.GELU_TANH, false, false, true),
        new Spec.Norms(
            Norm.Kind.LAYER,
            DecoderFields.eps(c, "layer_norm_epsilon", 1e-5),
            Spec.Placement.BEFORE,
            true),
        new Spec.Positions.Alibi(),
        List.of(Spec.Layer.FULL),
        new Spec.Head(c.bool("tie_word_embeddings", true), 0),
        Linear.Layout.OUT_IN);
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    JsonObject config =
        JsonObject.create()
            .put("architectures", List.of("BloomForCausalLM"))
            .put("model_type", modelType())
            .put("vocab_size", s.vocabularySize())
            .put("seq_length", s.context())
            .put("hidden_size", s.width())
            .put("n_layer", s.layers())
            .put("n_head", s.attention().heads())
            .put("layer_norm_epsilon", DecoderFields.plain(s.norms().eps()))
            .put("apply_residual_connection_post_layernorm", false)
            .put("hidden_dropout", 0.0)
            .put("attention_dropout", 0.0)
            .put("initializer_range", 0.02)
            .put("tie_word_embeddings", s.head().tied())
            .put("bos_token_id", endOfText)
            .put("eos_token_id", endOfText)
            .put("torch_dtype", "float32");
    return s.attention().inputs() == Spec.Inputs.FUSED ? config.put(BY_KIND, true) : config;
  }

  @Override
  public NameTable names() {
    NameTable t =
        NameTable.of("transformer.")
            .name("embed.token.weight", "word_embeddings.weight")
            .unprefixed("head.weight", "lm_head.weight");
    for (String kind : List.of("weight", "bias"))
      t =
          t.name("embed.norm." + kind, "word_embeddings_layernorm." + kind)
              .name("blocks.{}.norm1." + kind, "h.{}.input_layernorm." + kind)
              .name("blocks.{}.attn.qkv." + kind, "h.{}.self_attention.query_key_value." + kind)
              .name("blocks.{}.attn.out." + kind, "h.{}.self_attention.dense." + kind)
              .name("blocks.{}.norm2." + kind, "h.{}.post_attention_layernorm." + kind)
              .name("blocks.{}.mlp.up." + kind, "h.{}.mlp.dense_h_to_4h." + kind)
              .name("blocks.{}.mlp.down." + kind, "h.{}.mlp.dense_4h_to_h." + kind)
              .name("norm." + kind, "ln_f." + kind);
    return t;
  }
}
