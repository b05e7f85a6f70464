package dev.outpost.transformer.train;

/** Watches a training run and may end it early. All calls come from the training thread. */
public interface Progress {
  /** Hears nothing and never stops. */
  Progress SILENT = new Progress() {};

  /** After each step. */
  default void step(Step step) {}

  /** After each validation. */
  default void evaluated(int step, double meanLoss, boolean best) {}

  /** Asked after each step; true saves the state and ends the run. */
  default boolean stopRequested() {
    return false;
  }

  /**
   * One step.
   *
   * @param step from 1
   * @param steps in all
   * @param loss mean over the step's micro-batches
   * @param learningRate used
   * @param gradientNorm before clipping
   * @param tokens read in this step
   * @param workspaceBytes the most bytes that activations and their gradients took so far
   */
  record Step(
      int step,
      int steps,
      double loss,
      float learningRate,
      double gradientNorm,
      int tokens,
      long workspaceBytes) {}
}
