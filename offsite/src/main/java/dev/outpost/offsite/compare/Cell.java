package dev.outpost.offsite.compare;

import dev.outpost.tensor.io.JsonObject;
import java.nio.file.Path;
import java.util.Map;

/**
 * Something to compute once.
 *
 * @param kind of its line
 * @param title for people
 * @param names of what it belongs to, for its line
 * @param identity everything its numbers depend on
 * @param work computes it
 */
record Cell(String kind, String title, Map<String, Object> names, JsonObject identity, Work work) {
  /** Computes. */
  interface Work {
    /**
     * Fills the line.
     *
     * @param state folder for the state of a training run
     * @return seconds that earlier, interrupted parts took
     */
    double into(Path state, JsonObject line) throws Exception;
  }

  double make(Path state, JsonObject line) throws Exception {
    return work.into(state, line);
  }
}
