package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.load.NameTable;
import java.util.List;

/**
 * OPT (Zhang et al. 2022): learned positions from row 2 on, ReLU. The 350M model norms after each
 * half of a block, and has token rows of half the width.
 */
public record Opt() implements Family {
  private static final int MAX = DecoderFields.MAX;
  private static final String NARROW = "word_embed_proj_dim";

  /** Rows that the position table keeps for padding. */
  private static final int OFFSET = 2;

  @Override
  public String modelType() {
    return "opt";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    DecoderFields.refuseForeign(c);
    DecoderFields.refuseUnless(
        c, "layer_norm_elementwise_affine", true, "a norm without gain and shift");
    int width = c.integer("hidden_size", 1, MAX);
    int heads = c.integer("num_attention_heads", 1, MAX);
    if (width % heads != 0)
      throw c.wrong("num_attention_heads", "must divide hidden_size " + width + ", got " + heads);
    boolean bias = c.bool("enable_bias", true);
    boolean before = c.bool("do_layer_norm_before", true);
    return new Spec(
        modelType(),
        c.integer("vocab_size", 1, MAX),
        c.integer("max_position_embeddings", 1, MAX),
        width,
        c.integer("num_hidden_layers", 1, DecoderFields.MOST_LAYERS),
        Spec.Embedding.plain(c.integer(NARROW, 1, MAX, width)),
        Spec.Attention.causal(heads, heads, width / heads, Spec.Inputs.SEPARATE, bias, bias),
        new Spec.FeedForward(
            c.integer("ffn_dim", 1, MAX),
            Activations.read(c, "activation_function", "relu"),
            false,
            false,
            bias),
        new Spec.Norms(
            Norm.Kind.LAYER,
            1e-5f,
            before ? Spec.Placement.BEFORE : Spec.Placement.AFTER,
            before && !c.bool("_remove_final_layer_norm", false)),
        new Spec.Positions.Learned(OFFSET),
        List.of(Spec.Layer.FULL),
        new Spec.Head(c.bool("tie_word_embeddings", true), 0),
        Linear.Layout.OUT_IN);
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    boolean before = s.norms().placement() == Spec.Placement.BEFORE;
    return JsonObject.create()
        .put("architectures", List.of("OPTForCausalLM"))
        .put("model_type", modelType())
        .put("vocab_size", s.vocabularySize())
        .put("max_position_embeddings", s.context())
        .put("hidden_size", s.width())
        .put(NARROW, s.embedding().width())
        .put("num_hidden_layers", s.layers())
        .put("num_attention_heads", s.attention().heads())
        .put("ffn_dim", s.feedForward().width())
        .put("activation_function", Activations.name(s.feedForward().activation()))
        .put("do_layer_norm_before", before)
        .put("_remove_final_layer_norm", before && !s.norms().last())
        .put("enable_bias", s.feedForward().bias())
        .put("layer_norm_elementwise_affine", true)
        .put("dropout", 0.0)
        .put("attention_dropout", 0.0)
        .put("layerdrop", 0.0)
        .put("init_std", 0.02)
        .put("tie_word_embeddings", s.head().tied())
        .put("bos_token_id", endOfText)
        .put("eos_token_id", endOfText)
        .put("pad_token_id", 1)
        .put("torch_dtype", "float32");
  }

  @Override
  public NameTable names() {
    NameTable t =
        NameTable.of("model.")
            .name("embed.token.weight", "decoder.embed_tokens.weight")
            .name("embed.widen.weight", "decoder.project_in.weight")
            .name("embed.position.weight", "decoder.embed_positions.weight")
            .name("head.narrow.weight", "decoder.project_out.weight")
            .unprefixed("head.weight", "lm_head.weight");
    for (String kind : List.of("weight", "bias"))
      t =
          t.name("norm." + kind, "decoder.final_layer_norm." + kind)
              .name("blocks.{}.norm1." + kind, "decoder.layers.{}.self_attn_layer_norm." + kind)
              .name("blocks.{}.attn.q." + kind, "decoder.layers.{}.self_attn.q_proj." + kind)
              .name("blocks.{}.attn.k." + kind, "decoder.layers.{}.self_attn.k_proj." + kind)
              .name("blocks.{}.attn.v." + kind, "decoder.layers.{}.self_attn.v_proj." + kind)
              .name("blocks.{}.attn.out." + kind, "decoder.layers.{}.self_attn.out_proj." + kind)
              .name("blocks.{}.norm2." + kind, "decoder.layers.{}.final_layer_norm." + kind)
              .name("blocks.{}.mlp.up." + kind, "decoder.layers.{}.fc1." + kind)
              .name("blocks.{}.mlp.down." + kind, "decoder.layers.{}.fc2." + kind);
    return t;
  }
}
