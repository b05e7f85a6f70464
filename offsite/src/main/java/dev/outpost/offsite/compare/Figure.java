package dev.outpost.offsite.compare;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;

/**
 * One measurement.
 *
 * @param value a perplexity, or a share of right answers
 * @param standardError over tokens or questions
 */
record Figure(double value, double standardError) {
  JsonObject toJson() {
    return JsonObject.create().put("value", value).put("standard_error", standardError);
  }

  static Figure read(JsonObject o) throws FormatException {
    return new Figure(o.number("value", Double.NaN), o.number("standard_error", Double.NaN));
  }
}
