package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.load.NameTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** SmolLM 3: a Llama, every few layers of which do not know the order of tokens. */
public record SmolLm3() implements Family {
  private static final String TURNING = "no_rope_layers";

  @Override
  public String modelType() {
    return "smollm3";
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    DecoderFields f = DecoderFields.read(c, new DecoderFields.Absent(4, 0, 1e-6, true));
    boolean bias = c.bool("attention_bias", false);
    return new Spec(
        modelType(),
        f.vocabulary(),
        f.context(),
        f.width(),
        f.layers(),
        Spec.Embedding.plain(f.width()),
        Spec.Attention.causal(
            f.heads(), f.kvHeads(), f.headDim(), Spec.Inputs.SEPARATE, bias, bias),
        new Spec.FeedForward(
            f.inner(),
            Activations.read(c, "hidden_act", "silu"),
            true,
            false,
            c.bool("mlp_bias", false)),
        new Spec.Norms(Norm.Kind.RMS, f.eps(), Spec.Placement.BEFORE, true),
        Rope.read(c, 2_000_000, f.headDim()),
        pattern(c, f.layers()),
        new Spec.Head(f.tied(), 0),
        Linear.Layout.OUT_IN);
  }

  private static List<Spec.Layer> pattern(JsonObject c, int layers) throws FormatException {
    List<Boolean> turning = turning(c, layers);
    int window = c.bool("use_sliding_window", false) ? LayerTypes.window(c, 0) : 0;
    List<Boolean> sliding = LayerTypes.read(c, layers, window, i -> !turning.get(i));
    List<Spec.Layer> pattern = new ArrayList<>();
    for (int i = 0; i < layers; i++)
      pattern.add(
          new Spec.Layer(
              sliding.get(i) ? window : 0,
              turning.get(i) ? Optional.empty() : Optional.of(new Spec.Positions.None())));
    return pattern;
  }

  /** Despite its name the field has a 1 for each layer that turns queries and keys. */
  private static List<Boolean> turning(JsonObject c, int layers) throws FormatException {
    List<Boolean> turning = new ArrayList<>();
    int interval = c.integer("no_rope_layer_interval", 1, Integer.MAX_VALUE, 4);
    if (!c.has(TURNING)) {
      for (int i = 0; i < layers; i++) turning.add((i + 1) % interval != 0);
      return turning;
    }
    if (!(c.value(TURNING) instanceof List<?> flags) || flags.size() != layers)
      throw c.wrong(TURNING, "must list num_hidden_layers " + layers + " numbers 0 or 1");
    for (Object flag : flags) {
      if (!(flag instanceof Long n) || n != 0 && n != 1)
        throw c.wrong(TURNING, "must be numbers 0 or 1, got " + flag);
      turning.add(n == 1);
    }
    return turning;
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    List<Integer> turning = new ArrayList<>();
    for (int i = 0; i < s.layers(); i++)
      turning.add(s.positions(i) instanceof Spec.Positions.None ? 0 : 1);
    return Qwen2.write(s, "SmolLM3ForCausalLM", endOfText)
        .put("attention_bias", s.attention().inputBias())
        .put("mlp_bias", s.feedForward().bias())
        .put(TURNING, turning);
  }

  @Override
  public NameTable names() {
    return DecoderFields.names();
  }
}
