package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.load.NameTable;
import java.util.List;

/**
 * Qwen 2 and 2.5 (Yang et al. 2024): a Llama with biases on queries, keys and values, whose upper
 * layers may see only a window.
 */
public record Qwen2() implements Family {
  @Override
  public String modelType() {
    return "qwen2";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    DecoderFields f = DecoderFields.read(c, new DecoderFields.Absent(32, 0, 1e-6, false));
    return new Spec(
        modelType(),
        f.vocabulary(),
        f.context(),
        f.width(),
        f.layers(),
        Spec.Embedding.plain(f.width()),
        Spec.Attention.causal(
            f.heads(), f.kvHeads(), f.headDim(), Spec.Inputs.SEPARATE, true, false),
        new Spec.FeedForward(
            f.inner(), Activations.read(c, "hidden_act", "silu"), true, false, false),
        new Spec.Norms(Norm.Kind.RMS, f.eps(), Spec.Placement.BEFORE, true),
        Rope.read(c, 10_000, f.headDim()),
        pattern(c, f.layers()),
        new Spec.Head(f.tied(), 0),
        Linear.Layout.OUT_IN);
  }

  /** Layers from {@code max_window_layers} on slide, where {@code use_sliding_window} says so. */
  static List<Spec.Layer> pattern(JsonObject c, int layers) throws FormatException {
    int window = c.bool("use_sliding_window", false) ? LayerTypes.window(c, 4096) : 0;
    int first = c.integer("max_window_layers", 0, Integer.MAX_VALUE, 28);
    return LayerTypes.pattern(LayerTypes.read(c, layers, window, i -> i >= first), window);
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    return write(s, "Qwen2ForCausalLM", endOfText);
  }

  static JsonObject write(Spec s, String architecture, int endOfText) {
    JsonObject c =
        Rope.write(DecoderFields.write(s, architecture, endOfText), s, s.positions())
            .put("hidden_act", Activations.name(s.feedForward().activation()));
    LayerTypes.write(c, s);
    return c.put("use_sliding_window", c.has("sliding_window"));
  }

  @Override
  public NameTable names() {
    return DecoderFields.names();
  }
}
