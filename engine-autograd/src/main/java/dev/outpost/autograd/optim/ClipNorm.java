package dev.outpost.autograd.optim;

import dev.outpost.autograd.Gradients;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;

/**
 * Clipping by global norm (Pascanu et al. 2013): gradients longer than {@code maxNorm} are
 * shortened to it, all by one factor {@code min(1, maxNorm/(norm + 1e-6))}, PyTorch's. The factor
 * goes to {@link Optimizer#step}; the gradients are only read.
 *
 * @param maxNorm positive; infinity measures without clipping
 * @param onNonFinite what a NaN or infinite norm does
 */
public record ClipNorm(float maxNorm, OnNonFinite onNonFinite) {
  /** What to do when a gradient is not a number. */
  public enum OnNonFinite {
    /** Throw {@link NonFiniteGradientException}. */
    FAIL,
    /** Return a result that says {@link Result#skip}. */
    SKIP
  }

  /**
   * @param norm length of all gradients together, before clipping
   * @param gradScale for {@link Optimizer#step}; 0 when the step must be left out
   */
  public record Result(double norm, float gradScale) {
    /** Whether the gradients are not finite, so that no step may be taken with them. */
    public boolean skip() {
      return !Double.isFinite(norm);
    }
  }

  public ClipNorm {
    if (!(maxNorm > 0))
      throw new IllegalArgumentException("clip: the norm must be positive, got " + maxNorm);
  }

  /** Clips to this norm and fails on a gradient that is not finite. */
  public static ClipNorm to(float maxNorm) {
    return new ClipNorm(maxNorm, OnNonFinite.FAIL);
  }

  /**
   * Measures the gradients of all groups.
   *
   * @param gradScale factor that the gradients stand for already: 1/k after k micro-batches, else 1
   * @throws NonFiniteGradientException naming the first weight at fault
   */
  public Result measure(
      Kernels kernels, Gradients gradients, List<ParameterGroup> groups, float gradScale) {
    double squares = 0;
    for (ParameterGroup group : groups) {
      for (ParameterGroup.Named w : group.weights()) {
        Tensor g = gradients.get(w.weight());
        if (g == null) continue;
        double s = kernels.sumSquares(g);
        if (!Double.isFinite(s) && onNonFinite == OnNonFinite.FAIL)
          throw new NonFiniteGradientException(w.name());
        squares += s;
      }
    }
    double norm = Math.abs(gradScale) * Math.sqrt(squares);
    if (!Double.isFinite(norm)) return new Result(norm, 0);
    return new Result(norm, (float) (gradScale * Math.min(1, maxNorm / (norm + 1e-6))));
  }
}
