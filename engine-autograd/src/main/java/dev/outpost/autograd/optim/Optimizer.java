package dev.outpost.autograd.optim;

import dev.outpost.autograd.Gradients;
import dev.outpost.tensor.Tensor;
import java.util.Map;

/**
 * Moves trainable weights down their gradients. A weight that no gradient reached is left alone,
 * its decay and step count included, as in PyTorch. Not thread-safe.
 */
public interface Optimizer {
  /**
   * One update of every weight that has a gradient.
   *
   * @param learningRate of this step, the schedule applied
   * @param gradScale factor on every gradient before use: clipping, and 1/k after k micro-batches;
   *     the gradients themselves stay as they are
   */
  void step(Gradients gradients, float learningRate, float gradScale);

  /** Calls of {@link #step} so far, those before a restore included. */
  int steps();

  /**
   * Everything a bit-exact resume needs besides the weights, by {@code <weight name>.<what>}, and
   * {@code steps}. The tensors are copies.
   */
  Map<String, Tensor> state();

  /**
   * Takes over a saved state.
   *
   * @throws IllegalArgumentException when an entry belongs to no weight of this optimizer, has
   *     another size than its weight, or is missing beside its companions; then nothing has changed
   */
  void restore(Map<String, Tensor> state);
}
