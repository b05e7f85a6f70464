package dev.outpost.transformer.family;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** Which layers see only a window: {@code layer_types}, or an older rule of the family's. */
final class LayerTypes {
  private static final String FIELD = "layer_types";
  private static final String SLIDING = "sliding_attention";
  private static final String FULL = "full_attention";

  private LayerTypes() {}

  /** The window's size, or {@code absent} where the file leaves the field out; null says none. */
  static int window(JsonObject c, int absent) throws FormatException {
    return c.integer(
        "sliding_window", 1, Integer.MAX_VALUE, c.names().contains("sliding_window") ? 0 : absent);
  }

  /**
   * Which layers slide.
   *
   * @param window 0 when the model has none
   * @param otherwise the rule without {@code layer_types}
   */
  static List<Boolean> read(JsonObject c, int layers, int window, IntPredicate otherwise)
      throws FormatException {
    if (!c.has(FIELD))
      return IntStream.range(0, layers).mapToObj(i -> window > 0 && otherwise.test(i)).toList();
    List<String> types = c.strings(FIELD);
    if (types.size() != layers)
      throw c.wrong(FIELD, "must list num_hidden_layers " + layers + ", got " + types.size());
    List<Boolean> sliding = new ArrayList<>();
    for (String type : types) {
      if (!type.equals(SLIDING) && !type.equals(FULL))
        throw c.wrong(FIELD, "names \"" + type + "\"; supported: " + FULL + ", " + SLIDING);
      if (type.equals(SLIDING) && window == 0)
        throw c.wrong(FIELD, "has sliding layers, but sliding_window is not set");
      sliding.add(type.equals(SLIDING));
    }
    return sliding;
  }

  /** The pattern of layers that differ only in their window. */
  static List<Spec.Layer> pattern(List<Boolean> sliding, int window) {
    return sliding.stream().map(s -> Spec.Layer.of(s ? window : 0)).toList();
  }

  /** Writes the window and the types. */
  static JsonObject write(JsonObject config, Spec spec) {
    List<String> types = new ArrayList<>();
    int window = 0;
    for (int i = 0; i < spec.layers(); i++) {
      int here = spec.layer(i).window();
      if (here > 0 && window > 0 && here != window)
        throw new IllegalArgumentException(
            spec.family() + ": one window can be written, got " + window + " and " + here);
      window = Math.max(window, here);
      types.add(here > 0 ? SLIDING : FULL);
    }
    return config.put("sliding_window", window > 0 ? window : null).put(FIELD, types);
  }
}
