package dev.outpost.offsite.emulator;

import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;

/**
 * One way to make a middle smaller or lossier. Steps compose in any order; slots keep the names
 * they were born with, and nothing of the full model is changed.
 */
public interface EmulatorStep {
  /** What recipe files and the command line call it. */
  String name();

  /**
   * The middle after this step.
   *
   * @throws IllegalArgumentException when the step cannot be done on this draft, with the cure
   * @throws StoppedException when the run was asked to stop; what was done is kept in the
   *     workshop's folder
   */
  Draft apply(Draft draft, Workshop shop) throws IOException, StoppedException;

  /**
   * The step with all its settings, in the form {@link EmulatorSteps#read} reads: what a manifest
   * says of it.
   */
  JsonObject describe();

  /**
   * The same step, bound to the files that it reads as they are now: a manifest then tells their
   * digests, and with other files it refuses.
   */
  default EmulatorStep pinned() throws IOException {
    return this;
  }

  /** Whether it reads public text. */
  default boolean needsText() {
    return false;
  }
}
