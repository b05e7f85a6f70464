package dev.outpost.tensor.kernel;

import dev.outpost.tensor.kernel.scalar.ScalarKernels;
import dev.outpost.tensor.kernel.vector.VectorKernels;
import java.util.List;

/** Every backend that this module has; a new one is added here and is then held to all cases. */
public final class AllKernels {
  private AllKernels() {}

  /** All backends, each on a team of its own of so many threads. */
  public static List<Kernels> on(int threads) {
    return List.of(new ScalarKernels(Team.of(threads)), new VectorKernels(Team.of(threads)));
  }

  /** The backends that are tuned, and therefore checked against the specification. */
  public static List<Kernels> tuned(int threads) {
    return List.of(new VectorKernels(Team.of(threads)));
  }
}
