package dev.outpost.offsite.bench;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.memory.DeviceMemory;
import dev.outpost.tensor.memory.Workspace;
import java.util.OptionalDouble;

/**
 * How fast kernels are, at a glance: whether a device is worth its bus. {@link KernelBench}
 * measures with more care.
 *
 * @param gemmGflops GFLOP/s of a product of 1024 × 1024 × 1024 f32 numbers
 * @param addGigabytes GB/s of a sum of 4 Mi numbers, two read and one written
 * @param upGigabytes GB/s to the device's memory in transfers of 16 MiB; empty for the host's own
 * @param downGigabytes GB/s from there
 * @param callMicroseconds µs of the smallest call
 */
public record DeviceSpeed(
    double gemmGflops,
    double addGigabytes,
    OptionalDouble upGigabytes,
    OptionalDouble downGigabytes,
    double callMicroseconds) {
  private static final int SIDE = 1024;
  private static final int MANY = 4 << 20;
  private static final int ROUNDS = 5;

  /**
   * Measures.
   *
   * @param seconds for each figure after a warm-up as long; what takes longer is done once
   */
  public static DeviceSpeed of(Kernels kernels, double seconds) {
    Workspace workspace = kernels.memory().workspace();
    try {
      return of(kernels, workspace, (long) (seconds * 1e9));
    } finally {
      workspace.releaseAll();
    }
  }

  private static DeviceSpeed of(Kernels k, Workspace w, long budget) {
    Tensor a = filled(k, w, SIDE * SIDE);
    Tensor b = filled(k, w, SIDE * SIDE);
    Tensor c = filled(k, w, SIDE * SIDE);
    double gemm = seconds(budget, () -> k.gemm(square(a), square(b), square(c), false));
    Tensor x = filled(k, w, MANY);
    Tensor y = filled(k, w, MANY);
    Tensor sum = filled(k, w, MANY);
    double add = seconds(budget, () -> k.add(x, y, sum));
    OptionalDouble up = OptionalDouble.empty();
    OptionalDouble down = OptionalDouble.empty();
    if (k.memory() != DeviceMemory.HOST) {
      up = OptionalDouble.of(4e-9 * MANY / seconds(budget, () -> k.memory().store(x)));
      down = OptionalDouble.of(4e-9 * MANY / seconds(budget, () -> k.memory().fetch(x)));
    }
    Tensor one = filled(k, w, 1);
    double call = seconds(budget, () -> k.add(one, one, one));
    return new DeviceSpeed(
        2e-9 * SIDE * SIDE * SIDE / gemm, 12e-9 * MANY / add, up, down, 1e6 * call);
  }

  private static MatView square(Tensor t) {
    return MatView.of(t.reshape(SIDE, SIDE));
  }

  private static Tensor filled(Kernels k, Workspace w, int size) {
    Tensor t = w.take(size);
    k.fill(t, 0.5f);
    return t;
  }

  /** Seconds of a call: the median of a few rounds. */
  private static double seconds(long budget, Runnable body) {
    long start = System.nanoTime();
    long warm = 0;
    do {
      body.run();
      warm++;
    } while (warm < 2 || System.nanoTime() - start < budget);
    long before = System.nanoTime();
    body.run();
    long one = Math.max(1, System.nanoTime() - before);
    int calls = Math.clamp(budget / ROUNDS / one, 1, 100_000);
    double[] times = new double[Math.clamp(budget / one, 1, ROUNDS)];
    for (int r = 0; r < times.length; r++) {
      before = System.nanoTime();
      for (int i = 0; i < calls; i++) body.run();
      times[r] = Math.max(1, System.nanoTime() - before) / 1e9 / calls;
    }
    return Spread.of(times).median();
  }
}
