package dev.outpost.transformer.family;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.layer.Norm;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What the configurations of encoders, of text and of images, have in common. */
final class EncoderFields {
  static final int MAX = 1 << 24;
  static final int MOST_CLASSES = 1 << 20;

  private EncoderFields() {}

  /** Refuses what no encoder here computes. */
  static void refuseForeign(JsonObject c) throws FormatException {
    for (String field : List.of("quantization_config", "pruned_heads"))
      if (c.has(field) && !Map.of().equals(c.value(field)))
        throw c.wrong(field, "is set: only whole models in F32, F16 or BF16 are supported");
    for (String field : List.of("is_decoder", "add_cross_attention"))
      if (c.bool(field, false))
        throw c.wrong(field, "is true: an encoder that decodes is not supported");
    String positions = c.optionalString("position_embedding_type").orElse("absolute");
    if (!positions.equals("absolute"))
      throw c.wrong(
          "position_embedding_type", "is \"" + positions + "\"; only absolute is supported");
  }

  /** The first of {@code architectures}, which must be one of these. */
  static String architecture(JsonObject c, List<String> supported) throws FormatException {
    String named = c.has("architectures") ? c.strings("architectures").toString() : "missing";
    for (String s : supported) if (named.equals("[" + s + "]")) return s;
    throw c.wrong("architectures", "is " + named + "; supported: one of " + supported);
  }

  /** Both-ways attention with biases. */
  static Spec.Attention attention(JsonObject c, int width, boolean inputBias)
      throws FormatException {
    int heads = c.integer("num_attention_heads", 1, MAX);
    if (width % heads != 0)
      throw c.wrong("num_attention_heads", "must divide hidden_size " + width + ", got " + heads);
    int size = width / heads;
    float scale = (float) (1 / Math.sqrt(size));
    return new Spec.Attention(
        heads, heads, size, Spec.Inputs.SEPARATE, inputBias, true, false, scale, 0, false);
  }

  /** Up, the activation, down, with biases. */
  static Spec.FeedForward feedForward(JsonObject c, String activation) throws FormatException {
    return new Spec.FeedForward(
        c.integer("intermediate_size", 1, MAX),
        Activations.read(c, "hidden_act", activation),
        false,
        false,
        true);
  }

  /** LayerNorms. */
  static Spec.Norms norms(JsonObject c, double eps, Spec.Placement placement, boolean last)
      throws FormatException {
    double e = c.number("layer_norm_eps", eps);
    if (!((float) e > 0)) throw c.wrong("layer_norm_eps", "must be positive, got " + e);
    return new Spec.Norms(Norm.Kind.LAYER, (float) e, placement, last);
  }

  /** A head of as many classes as {@code id2label}, {@code label2id} or {@code num_labels} say. */
  static Spec.Head classes(JsonObject c, Optional<Spec.Transform> pooler) throws FormatException {
    String problem = c.optionalString("problem_type").orElse("single_label_classification");
    if (!problem.equals("single_label_classification"))
      throw c.wrong(
          "problem_type", "is \"" + problem + "\"; only single_label_classification is supported");
    int labels = labels(c);
    if (labels < 2)
      throw c.wrong("num_labels", "is 1, which is a regression: classes must be at least 2");
    return new Spec.Head(Spec.HeadKind.CLASSES, labels, false, true, pooler, 0);
  }

  private static int labels(JsonObject c) throws FormatException {
    for (String field : List.of("id2label", "label2id"))
      if (c.has(field)) return c.object(field).names().size();
    return c.integer("num_labels", 1, MOST_CLASSES, 2);
  }

  /** A head of features. */
  static Spec.Head features(int outputs, Optional<Spec.Transform> pooler) {
    return new Spec.Head(Spec.HeadKind.FEATURES, outputs, false, false, pooler, 0);
  }
}
