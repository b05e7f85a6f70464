package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.load.NameTable;

/** Qwen 3 (Yang et al. 2025): Qwen 2 without its biases, each query and key head normed. */
public record Qwen3() implements Family {
  @Override
  public String modelType() {
    return "qwen3";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    DecoderFields f = DecoderFields.read(c, new DecoderFields.Absent(32, 128, 1e-6, false));
    boolean bias = c.bool("attention_bias", false);
    return new Spec(
        modelType(),
        f.vocabulary(),
        f.context(),
        f.width(),
        f.layers(),
        Spec.Embedding.plain(f.width()),
        Spec.Attention.causal(f.heads(), f.kvHeads(), f.headDim(), Spec.Inputs.SEPARATE, bias, bias)
            .withHeadNorm(),
        new Spec.FeedForward(
            f.inner(), Activations.read(c, "hidden_act", "silu"), true, false, false),
        new Spec.Norms(Norm.Kind.RMS, f.eps(), Spec.Placement.BEFORE, true),
        Rope.read(c, 10_000, f.headDim()),
        Qwen2.pattern(c, f.layers()),
        new Spec.Head(f.tied(), 0),
        Linear.Layout.OUT_IN);
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    return Qwen2.write(s, "Qwen3ForCausalLM", endOfText)
        .put("attention_bias", s.attention().inputBias());
  }

  @Override
  public NameTable names() {
    return DecoderFields.withHeadNorms(DecoderFields.names());
  }
}
