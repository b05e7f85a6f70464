package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.RotaryScaling;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.load.NameTable;
import java.util.List;

/**
 * Phi-3 (Abdin et al. 2024): a Llama with its inputs fused, query, key and value in one projection,
 * gate and up in another; the 128k models by {@code longrope}.
 */
public record Phi3() implements Family {
  private static final String PART = "partial_rotary_factor";
  private static final String ORIGINAL = "original_max_position_embeddings";

  @Override
  public String modelType() {
    return "phi3";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    DecoderFields f = DecoderFields.read(c, new DecoderFields.Absent(0, 0, 1e-5, false));
    return new Spec(
        modelType(),
        f.vocabulary(),
        f.context(),
        f.width(),
        f.layers(),
        Spec.Embedding.plain(f.width()),
        Spec.Attention.causal(f.heads(), f.kvHeads(), f.headDim(), Spec.Inputs.FUSED, false, false),
        new Spec.FeedForward(
            f.inner(), Activations.read(c, "hidden_act", "silu"), true, true, false),
        new Spec.Norms(Norm.Kind.RMS, f.eps(), Spec.Placement.BEFORE, true),
        Rope.read(renamed(c), 10_000, f.headDim(), pairs(c, f.headDim())),
        List.of(Spec.Layer.of(LayerTypes.window(c, 0))),
        new Spec.Head(f.tied(), 0),
        Linear.Layout.OUT_IN);
  }

  /** Files have always meant {@code longrope} here, whatever they called it. */
  private static JsonObject renamed(JsonObject c) throws FormatException {
    for (String field : List.of("rope_scaling", "rope_parameters")) {
      if (!c.has(field)) continue;
      JsonObject rope = c.object(field);
      for (String name : List.of("rope_type", "type")) {
        String kind = rope.optionalString(name).orElse("default");
        if (List.of("su", "yarn").contains(kind)) rope.put(name, "longrope");
        else if (!List.of("default", "longrope").contains(kind))
          throw c.wrong(field, "asks for \"" + kind + "\"; in phi3 there is only longrope");
      }
    }
    if (!c.has(ORIGINAL)) c.put(ORIGINAL, 4096L);
    return c;
  }

  private static int pairs(JsonObject c, int headDim) throws FormatException {
    double part = c.number(PART, 1);
    if (c.has("rope_parameters")) part = c.object("rope_parameters").number(PART, part);
    int turned = (int) (headDim * part);
    if (!(part > 0 && part <= 1) || turned % 2 != 0)
      throw c.wrong(PART, "must turn an even part of a head of " + headDim + ", got " + part);
    return turned / 2;
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    int window = s.layer(0).window();
    JsonObject c =
        Rope.write(DecoderFields.write(s, "Phi3ForCausalLM", endOfText), s, s.positions())
            .put("hidden_act", Activations.name(s.feedForward().activation()))
            .put(ORIGINAL, original(s))
            .put("pad_token_id", endOfText)
            .put("sliding_window", window > 0 ? window : null);
    if (s.positions() instanceof Spec.Positions.Rotary r)
      c.put(PART, 2.0 * r.pairs() / s.attention().headDim());
    return c;
  }

  private static int original(Spec s) {
    return s.positions() instanceof Spec.Positions.Rotary r
            && r.scaling() instanceof RotaryScaling.LongRope l
        ? l.original()
        : s.context();
  }

  @Override
  public NameTable names() {
    return NameTable.of("model.")
        .name("embed.token.weight", "embed_tokens.weight")
        .name("blocks.{}.norm1.weight", "layers.{}.input_layernorm.weight")
        .name("blocks.{}.attn.qkv.weight", "layers.{}.self_attn.qkv_proj.weight")
        .name("blocks.{}.attn.out.weight", "layers.{}.self_attn.o_proj.weight")
        .name("blocks.{}.norm2.weight", "layers.{}.post_attention_layernorm.weight")
        .name("blocks.{}.mlp.gate_up.weight", "layers.{}.mlp.gate_up_proj.weight")
        .name("blocks.{}.mlp.down.weight", "layers.{}.mlp.down_proj.weight")
        .name("norm.weight", "norm.weight")
        .unprefixed("head.weight", "lm_head.weight")
        .ignore("layers.{}.self_attn.rotary_emb.inv_freq");
  }
}
