package dev.outpost.offsite.compare;

import dev.outpost.tensor.io.JsonObject;
import java.util.List;

/**
 * How a comparison ended.
 *
 * @param lines results of the plan, in its order
 * @param computed how many of them this run made
 * @param failed lines of what could not be computed, with field {@code reason}
 * @param finished false when stopped early
 */
public record Outcome(
    List<JsonObject> lines, int computed, List<JsonObject> failed, boolean finished) {
  public Outcome {
    lines = List.copyOf(lines);
    failed = List.copyOf(failed);
  }
}
