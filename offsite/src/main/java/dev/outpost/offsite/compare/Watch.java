package dev.outpost.offsite.compare;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.train.Progress;

/** Watches a comparison and may end it early. All calls come from the comparing thread. */
public interface Watch {
  /** Hears nothing and never stops. */
  Watch SILENT = new Watch() {};

  /** Who watches a training run of this name. */
  default Progress training(String run) {
    return Progress.SILENT;
  }

  /** Before something is computed. */
  default void begins(int done, int of, String what) {}

  /** After a line of results was written, a failure's too. */
  default void written(JsonObject line) {}

  /** Asked between measurements; training asks its own {@link Progress}. */
  default boolean stopRequested() {
    return false;
  }
}
