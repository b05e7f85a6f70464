package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.load.NameTable;
import java.util.List;
import java.util.Optional;

/**
 * The text model of Gemma 3 (Gemma Team 2025): Gemma 2 with head norms instead of caps, and five
 * layers of six that see only a window and turn by a base of their own.
 */
public record Gemma3Text() implements Family {
  private static final double GLOBAL = 1_000_000;
  private static final double LOCAL = 10_000;
  private static final String PARAMETERS = "rope_parameters";

  @Override
  public String modelType() {
    return "gemma3_text";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    DecoderFields f = DecoderFields.read(c, new DecoderFields.Absent(4, 256, 1e-6, true));
    Gemma.refuseBothWays(c);
    // The reference reads this field and does not use it: a file that sets it is not of this kind.
    DecoderFields.refusePresent(c, "attn_logit_softcapping", "gemma3_text caps no scores");
    int window = LayerTypes.window(c, 4096);
    int period = c.integer("sliding_window_pattern", 1, Integer.MAX_VALUE, 6);
    List<Boolean> sliding = LayerTypes.read(c, f.layers(), window, i -> (i + 1) % period != 0);
    Spec.Positions.Rotary local = local(c, f);
    List<Spec.Layer> pattern =
        sliding.stream()
            .map(s -> s ? new Spec.Layer(window, Optional.of(local)) : Spec.Layer.FULL)
            .toList();
    return new Spec(
        modelType(),
        f.vocabulary(),
        f.context(),
        f.width(),
        f.layers(),
        Gemma.embedding(f),
        Gemma2.attention(c, f, true, 0),
        Gemma2.feedForward(c, f),
        new Spec.Norms(Norm.Kind.RMS_FROM_ONE, f.eps(), Spec.Placement.AROUND, true),
        global(c, f),
        pattern,
        new Spec.Head(f.tied(), Gemma2.cap(c, "final_logit_softcapping", 0)),
        Linear.Layout.OUT_IN);
  }

  private static Spec.Positions.Rotary global(JsonObject c, DecoderFields f)
      throws FormatException {
    if (!nested(c, "full_attention")) return Rope.read(flat(c), GLOBAL, f.headDim());
    JsonObject p = c.object(PARAMETERS);
    return new Spec.Positions.Rotary(
        Rope.theta(p.object("full_attention"), "rope_theta", Rope.theta(c, "rope_theta", GLOBAL)),
        f.headDim() / 2,
        Rope.scaling(p, "full_attention", f.context()));
  }

  private static Spec.Positions.Rotary local(JsonObject c, DecoderFields f) throws FormatException {
    double theta = Rope.theta(c, "rope_local_base_freq", LOCAL);
    if (!nested(c, "sliding_attention")) return new Spec.Positions.Rotary(theta, f.headDim() / 2);
    JsonObject p = c.object(PARAMETERS);
    return new Spec.Positions.Rotary(
        Rope.theta(p.object("sliding_attention"), "rope_theta", theta),
        f.headDim() / 2,
        Rope.scaling(p, "sliding_attention", f.context()));
  }

  private static boolean nested(JsonObject c, String type) throws FormatException {
    return c.has(PARAMETERS) && c.object(PARAMETERS).has(type);
  }

  /** Fields of both kinds of layer have no common object to read. */
  private static JsonObject flat(JsonObject c) throws FormatException {
    DecoderFields.refusePresent(
        c, PARAMETERS, "gemma3_text needs full_attention and sliding_attention in it");
    return c;
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    Spec.Positions.Rotary local = new Spec.Positions.Rotary(LOCAL, s.attention().headDim() / 2);
    for (int i = 0; i < s.layers(); i++)
      if (s.layer(i).positions().orElse(local) instanceof Spec.Positions.Rotary r) local = r;
    return Rope.write(Gemma2.write(s, "Gemma3ForCausalLM", endOfText), s, s.positions())
        .put("rope_local_base_freq", local.theta());
  }

  @Override
  public NameTable names() {
    return DecoderFields.withHeadNorms(DecoderFields.namesAround());
  }
}
