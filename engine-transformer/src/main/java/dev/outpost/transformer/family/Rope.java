package dev.outpost.transformer.family;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.RotaryScaling;
import dev.outpost.transformer.Spec;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Rotary positions in {@code config.json}: {@code rope_theta} and {@code rope_scaling}, or since
 * Transformers 5 one object {@code rope_parameters}; before 4.43 the kind was {@code type}.
 */
final class Rope {
  private static final String SCALING = "rope_scaling";
  private static final String PARAMETERS = "rope_parameters";
  private static final String THETA = "rope_theta";
  private static final String ORIGINAL = "original_max_position_embeddings";

  private Rope() {}

  /** The positions of a family that turns whole heads. */
  static Spec.Positions.Rotary read(JsonObject c, double absentTheta, int headDim)
      throws FormatException {
    whole(c);
    if (c.has(PARAMETERS)) whole(c.object(PARAMETERS));
    return read(c, absentTheta, headDim, headDim / 2);
  }

  /** The positions of a family that turns some pairs of each head. */
  static Spec.Positions.Rotary read(JsonObject c, double absentTheta, int headDim, int pairs)
      throws FormatException {
    int context = c.integer("max_position_embeddings", 1, DecoderFields.MAX, 1);
    double theta = theta(c, THETA, absentTheta);
    RotaryScaling scaling = scaling(c, SCALING, context);
    if (c.has(PARAMETERS)) {
      JsonObject rope = c.object(PARAMETERS);
      double inner = theta(rope, THETA, theta);
      if (c.has(THETA) && inner != theta)
        throw c.wrong(THETA, "is " + theta + ", but rope_parameters says " + inner);
      theta = inner;
      RotaryScaling other = scaling(c, PARAMETERS, context);
      if (c.has(SCALING) && !other.equals(scaling))
        throw c.wrong(SCALING, "says otherwise than rope_parameters");
      scaling = other;
    }
    if (scaling instanceof RotaryScaling.LongRope l && l.near().size() != pairs)
      throw c.wrong(
          c.has(PARAMETERS) ? PARAMETERS : SCALING,
          "has " + l.near().size() + " factors, the model turns " + pairs + " pairs of each head");
    return new Spec.Positions.Rotary(theta, pairs, scaling);
  }

  static double theta(JsonObject c, String field, double absent) throws FormatException {
    double v = c.number(field, absent);
    if (!(v >= 1)) throw c.wrong(field, "must be at least 1, got " + v);
    return v;
  }

  private static void whole(JsonObject c) throws FormatException {
    double part = c.number("partial_rotary_factor", 1);
    if (part != 1)
      throw c.wrong(
          "partial_rotary_factor", "is " + part + ": only 1 is supported for this family");
  }

  /**
   * The scaling that an object of {@code c} describes; none when it is absent or empty.
   *
   * @param context the original context where the object does not name one
   */
  static RotaryScaling scaling(JsonObject c, String field, int context) throws FormatException {
    if (!c.has(field)) return new RotaryScaling.None();
    JsonObject rope = c.object(field);
    String kind = kind(c, field, rope);
    return switch (kind) {
      case "default" -> {
        if (rope.has("factor") && rope.number("factor", 1) != 1)
          throw c.wrong(field, "has a factor, but names no kind of scaling");
        yield new RotaryScaling.None();
      }
      case "linear" -> new RotaryScaling.Linear(positive(rope, "factor", null));
      case "llama3" -> llama3(rope, context);
      case "yarn" -> yarn(rope, context);
      case "dynamic" -> new RotaryScaling.Dynamic(positive(rope, "factor", null));
      case "longrope" -> longRope(c, rope, context);
      default ->
          throw c.wrong(
              field,
              "asks for \""
                  + kind
                  + "\" positions; supported: default, linear, llama3, yarn, dynamic, longrope");
    };
  }

  private static String kind(JsonObject c, String field, JsonObject rope) throws FormatException {
    String kind = rope.optionalString("rope_type").orElse("default");
    String old = rope.optionalString("type").orElse(kind);
    if (rope.has("rope_type") && !old.equals(kind) && !old.equals("default"))
      throw c.wrong(field, "names two kinds, rope_type \"" + kind + "\" and type \"" + old + "\"");
    return rope.has("rope_type") ? kind : old;
  }

  private static RotaryScaling longRope(JsonObject c, JsonObject rope, int context)
      throws FormatException {
    // The field beside the object goes before the one within.
    int original = original(c.has(ORIGINAL) ? c : rope, context);
    double factor = positive(rope, "factor", (double) context / original);
    List<Double> near = factors(rope, "short_factor");
    List<Double> far = factors(rope, "long_factor");
    if (near.size() != far.size())
      throw rope.wrong("long_factor", "must have as many numbers as short_factor " + near.size());
    if (factor > 1 && original < 2) throw c.wrong(ORIGINAL, "must be at least 2, got " + original);
    return new RotaryScaling.LongRope(
        near,
        far,
        positive(rope, "attention_factor", RotaryScaling.LongRope.length(factor, original)),
        original);
  }

  private static List<Double> factors(JsonObject rope, String field) throws FormatException {
    if (rope.value(field) instanceof List<?> l
        && !l.isEmpty()
        && l.stream().allMatch(v -> v instanceof Number n && n.floatValue() > 0))
      return l.stream().map(v -> ((Number) v).doubleValue()).toList();
    throw rope.wrong(field, "must be a list of positive numbers");
  }

  private static RotaryScaling llama3(JsonObject rope, int context) throws FormatException {
    double low = positive(rope, "low_freq_factor", null);
    double high = positive(rope, "high_freq_factor", null);
    if (!(high > low))
      throw rope.wrong("high_freq_factor", "must exceed low_freq_factor " + low + ", got " + high);
    return new RotaryScaling.Llama3(
        positive(rope, "factor", null), low, high, original(rope, context));
  }

  private static RotaryScaling yarn(JsonObject rope, int context) throws FormatException {
    double factor = positive(rope, "factor", null);
    for (String field : List.of("mscale", "mscale_all_dim"))
      if (rope.has(field)) throw rope.wrong(field, "is set: only attention_factor is supported");
    return new RotaryScaling.Yarn(
        factor,
        positive(rope, "beta_fast", 32.0),
        positive(rope, "beta_slow", 1.0),
        rope.bool("truncate", true),
        positive(rope, "attention_factor", RotaryScaling.Yarn.length(factor)),
        original(rope, context));
  }

  private static int original(JsonObject rope, int context) throws FormatException {
    return rope.integer(ORIGINAL, 1, DecoderFields.MAX, context);
  }

  private static double positive(JsonObject o, String field, @Nullable Double absent)
      throws FormatException {
    if (absent == null && !o.has(field)) throw o.wrong(field, "is missing");
    double v = o.number(field, absent == null ? 0 : absent);
    if (!(v > 0)) throw o.wrong(field, "must be positive, got " + v);
    return v;
  }

  /** Writes the fields that every release of the reference reads. */
  static JsonObject write(JsonObject config, Spec spec, Spec.Positions positions) {
    if (!(positions instanceof Spec.Positions.Rotary rotary))
      throw new IllegalArgumentException(
          spec.family() + ": positions must be rotary, got " + positions);
    return config
        .put(THETA, rotary.theta())
        .put(SCALING, (@Nullable Object) written(rotary.scaling()));
  }

  private static @Nullable JsonObject written(RotaryScaling scaling) {
    return switch (scaling) {
      case RotaryScaling.None n -> null;
      case RotaryScaling.Linear s -> kind("linear", s.factor());
      case RotaryScaling.Llama3 s ->
          kind("llama3", s.factor())
              .put("low_freq_factor", s.low())
              .put("high_freq_factor", s.high())
              .put("original_max_position_embeddings", s.original());
      case RotaryScaling.Dynamic s -> kind("dynamic", s.factor());
      case RotaryScaling.LongRope s ->
          JsonObject.create()
              .put("rope_type", "longrope")
              .put("short_factor", s.near())
              .put("long_factor", s.far())
              .put("attention_factor", s.length())
              .put(ORIGINAL, s.original());
      case RotaryScaling.Yarn s ->
          kind("yarn", s.factor())
              .put("beta_fast", s.fast())
              .put("beta_slow", s.slow())
              .put("truncate", s.truncate())
              .put("attention_factor", s.length())
              .put("original_max_position_embeddings", s.original());
    };
  }

  private static JsonObject kind(String name, double factor) {
    return JsonObject.create().put("rope_type", name).put("factor", factor);
  }
}
