package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.load.NameTable;

/**
 * Gemma 2 (Gemma Team 2024): Gemma with norms around each half of a block, scores and logits
 * capped, and every other layer seeing only a window.
 */
public record Gemma2() implements Family {
  @Override
  public String modelType() {
    return "gemma2";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    DecoderFields f = DecoderFields.read(c, new DecoderFields.Absent(4, 256, 1e-6, true));
    Gemma.refuseBothWays(c);
    int window = LayerTypes.window(c, 4096);
    return new Spec(
        modelType(),
        f.vocabulary(),
        f.context(),
        f.width(),
        f.layers(),
        Gemma.embedding(f),
        attention(c, f, false, cap(c, "attn_logit_softcapping", 50)),
        feedForward(c, f),
        new Spec.Norms(Norm.Kind.RMS_FROM_ONE, f.eps(), Spec.Placement.AROUND, true),
        Rope.read(c, 10_000, f.headDim()),
        LayerTypes.pattern(LayerTypes.read(c, f.layers(), window, i -> i % 2 == 0), window),
        new Spec.Head(f.tied(), cap(c, "final_logit_softcapping", 30)),
        Linear.Layout.OUT_IN);
  }

  static Spec.Attention attention(JsonObject c, DecoderFields f, boolean headNorm, float cap)
      throws FormatException {
    boolean bias = c.bool("attention_bias", false);
    double scalar = c.number("query_pre_attn_scalar", 256);
    if (!(scalar > 0)) throw c.wrong("query_pre_attn_scalar", "must be positive, got " + scalar);
    return new Spec.Attention(
        f.heads(),
        f.kvHeads(),
        f.headDim(),
        Spec.Inputs.SEPARATE,
        bias,
        bias,
        headNorm,
        (float) (1 / Math.sqrt(scalar)),
        cap,
        true);
  }

  static Spec.FeedForward feedForward(JsonObject c, DecoderFields f) throws FormatException {
    return new Spec.FeedForward(
        f.inner(),
        Activations.read(c, "hidden_activation", "gelu_pytorch_tanh"),
        true,
        false,
        false);
  }

  /** A cap; null says none. */
  static float cap(JsonObject c, String field, double absent) throws FormatException {
    if (!c.has(field)) return c.names().contains(field) ? 0 : (float) absent;
    double cap = c.number(field, 0);
    if (!((float) cap > 0)) throw c.wrong(field, "must be positive, got " + cap);
    return (float) cap;
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    JsonObject c = write(s, "Gemma2ForCausalLM", endOfText);
    return Rope.write(c, s, s.positions());
  }

  /** All but the positions. */
  static JsonObject write(Spec s, String architecture, int endOfText) {
    double scale = s.attention().scale();
    JsonObject c =
        DecoderFields.write(s, architecture, endOfText)
            .put("hidden_activation", Gemma.gelu(s))
            .put("attention_bias", s.attention().inputBias())
            .put("query_pre_attn_scalar", Math.round(1 / (scale * scale)))
            .put("attn_logit_softcapping", written(s.attention().softCap()))
            .put("final_logit_softcapping", written(s.head().softCap()));
    return LayerTypes.write(c, s);
  }

  private static @org.jspecify.annotations.Nullable Object written(float cap) {
    return cap > 0 ? DecoderFields.plain(cap) : null;
  }

  @Override
  public NameTable names() {
    return DecoderFields.namesAround();
  }
}
