package dev.outpost.offsite.bench;

import dev.outpost.tensor.io.JsonObject;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * One result.
 *
 * @param shape what it ran on: {@code 1024x1024x1024} is M×N×K, {@code 4x128} sequences × tokens
 * @param unit of {@code rate}, such as {@code GFLOP/s}
 * @param limit the machine's limit in the same unit, measured in turns with the rate, where one
 *     binds
 * @param details further fields of the JSON line
 */
public record Row(
    Bench.Kind kind,
    String name,
    String shape,
    int threads,
    String unit,
    Spread rate,
    OptionalDouble limit,
    Map<String, Object> details) {
  public Row {
    details = new LinkedHashMap<>(details);
  }

  /** Median rate over the limit. */
  public OptionalDouble share() {
    return limit.isPresent()
        ? OptionalDouble.of(rate.median() / limit.getAsDouble())
        : OptionalDouble.empty();
  }

  /** One JSON line: the result, then where it comes from. */
  public JsonObject json(Provenance from) {
    JsonObject o =
        JsonObject.create()
            .put("bench", kind.word())
            .put("name", name)
            .put("shape", shape)
            .put("threads", (long) threads);
    details.forEach(o::put);
    o.put("unit", unit).put("median", rate.median());
    o.put("best", rate.best()).put("worst", rate.worst());
    from.fields().forEach(o::put);
    return o;
  }
}
