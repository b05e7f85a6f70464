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

/**
 * Llama 1 to 3 (Touvron et al. 2023) and what shares its {@code model_type}, SmolLM among them:
 * RMSNorm, rotary positions, SwiGLU, grouped heads; names under {@code model.} or bare.
 */
public record Llama() implements Family {
  /**
   * A field of our own in a package's {@code config.json}: query and key rows are in the order of
   * GGUF files, neighbours turning together. No Hugging Face folder has it.
   */
  public static final String NEIGHBOURS = "rope_neighbours";

  @Override
  public String modelType() {
    return "llama";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    DecoderFields f = DecoderFields.read(c, new DecoderFields.Absent(0, 0, 1e-6, false));
    DecoderFields.refusePresent(
        c, "sliding_window", "attention over a sliding window is not what llama computes");
    boolean attentionBias = c.bool("attention_bias", false);
    return new Spec(
        modelType(),
        f.vocabulary(),
        f.context(),
        f.width(),
        f.layers(),
        Spec.Embedding.plain(f.width()),
        Spec.Attention.causal(
            f.heads(),
            f.kvHeads(),
            f.headDim(),
            Spec.Inputs.SEPARATE,
            attentionBias,
            attentionBias),
        new Spec.FeedForward(
            f.inner(),
            Activations.read(c, "hidden_act", "silu"),
            true,
            false,
            c.bool("mlp_bias", false)),
        new Spec.Norms(Norm.Kind.RMS, f.eps(), Spec.Placement.BEFORE, true),
        Rope.read(c, 10_000, f.headDim()).with(pairing(c)),
        List.of(Spec.Layer.FULL),
        new Spec.Head(f.tied(), 0),
        Linear.Layout.OUT_IN);
  }

  private static RotaryPairing pairing(JsonObject c) throws FormatException {
    return c.bool(NEIGHBOURS, false) ? RotaryPairing.NEIGHBOURS : RotaryPairing.HALVES;
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
    JsonObject config =
        Rope.write(DecoderFields.write(s, "LlamaForCausalLM", endOfText), s, s.positions())
            .put("hidden_act", Activations.name(s.feedForward().activation()))
            .put("attention_bias", s.attention().inputBias())
            .put("mlp_bias", s.feedForward().bias());
    boolean neighbours =
        s.positions() instanceof Spec.Positions.Rotary r && r.pairing() == RotaryPairing.NEIGHBOURS;
    return neighbours ? config.put(NEIGHBOURS, true) : config;
  }

  @Override
  public NameTable names() {
    return DecoderFields.names();
  }
}
