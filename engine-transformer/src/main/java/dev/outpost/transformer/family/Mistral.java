package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.load.NameTable;
import java.util.List;

/** Mistral 7B (Jiang et al. 2023): a Llama whose every layer may see only a window. */
public record Mistral() implements Family {
  @Override
  public String modelType() {
    return "mistral";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    DecoderFields f = DecoderFields.read(c, new DecoderFields.Absent(8, 0, 1e-6, false));
    DecoderFields.refusePresent(c, "layer_types", "mistral's layers are all of one kind");
    return new Spec(
        modelType(),
        f.vocabulary(),
        f.context(),
        f.width(),
        f.layers(),
        Spec.Embedding.plain(f.width()),
        Spec.Attention.causal(
            f.heads(), f.kvHeads(), f.headDim(), Spec.Inputs.SEPARATE, false, false),
        new Spec.FeedForward(
            f.inner(), Activations.read(c, "hidden_act", "silu"), true, false, false),
        new Spec.Norms(Norm.Kind.RMS, f.eps(), Spec.Placement.BEFORE, true),
        Rope.read(c, 10_000, f.headDim()),
        List.of(Spec.Layer.of(LayerTypes.window(c, 4096))),
        new Spec.Head(f.tied(), 0),
        Linear.Layout.OUT_IN);
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    int window = s.layer(0).window();
    return Rope.write(DecoderFields.write(s, "MistralForCausalLM", endOfText), s, s.positions())
        .put("hidden_act", Activations.name(s.feedForward().activation()))
        .put("sliding_window", window > 0 ? window : null);
  }

  @Override
  public NameTable names() {
    return DecoderFields.names();
  }
}
