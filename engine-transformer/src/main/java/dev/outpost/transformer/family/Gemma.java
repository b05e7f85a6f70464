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
 * Gemma (Gemma Team 2024): a Llama with GeGLU, token rows scaled by √C, and norms whose weights
 * count from 1.
 */
public record Gemma() implements Family {
  @Override
  public String modelType() {
    return "gemma";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    DecoderFields f = DecoderFields.read(c, new DecoderFields.Absent(16, 256, 1e-6, true));
    refuseBothWays(c);
    boolean bias = c.bool("attention_bias", false);
    return new Spec(
        modelType(),
        f.vocabulary(),
        f.context(),
        f.width(),
        f.layers(),
        embedding(f),
        Spec.Attention.causal(
            f.heads(), f.kvHeads(), f.headDim(), Spec.Inputs.SEPARATE, bias, bias),
        new Spec.FeedForward(f.inner(), activation(c), true, false, false),
        new Spec.Norms(Norm.Kind.RMS_FROM_ONE, f.eps(), Spec.Placement.BEFORE, true),
        Rope.read(c, 10_000, f.headDim()),
        List.of(Spec.Layer.FULL),
        new Spec.Head(f.tied(), 0),
        Linear.Layout.OUT_IN);
  }

  /** The released files say {@code gelu} and mean its tanh form. */
  private static UnaryMap activation(JsonObject c) throws FormatException {
    UnaryMap named = Activations.read(c, "hidden_act", "gelu_pytorch_tanh");
    return named == UnaryMap.GELU_ERF ? UnaryMap.GELU_TANH : named;
  }

  static Spec.Embedding embedding(DecoderFields f) {
    return new Spec.Embedding(f.width(), (float) Math.sqrt(f.width()), false);
  }

  static void refuseBothWays(JsonObject c) throws FormatException {
    DecoderFields.refuseUnless(
        c, "use_bidirectional_attention", false, "attention to later positions");
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    return Rope.write(DecoderFields.write(s, "GemmaForCausalLM", endOfText), s, s.positions())
        .put("hidden_act", gelu(s))
        .put("attention_bias", s.attention().inputBias());
  }

  static String gelu(Spec s) {
    UnaryMap f = s.feedForward().activation();
    return f == UnaryMap.GELU_TANH ? "gelu_pytorch_tanh" : Activations.name(f);
  }

  @Override
  public NameTable names() {
    return DecoderFields.names();
  }
}
