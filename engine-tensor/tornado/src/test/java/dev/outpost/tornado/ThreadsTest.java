package dev.outpost.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.memory.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

/** Several threads on one device. */
class ThreadsTest {
  private static final int THREADS = 3;
  private static final int TIMES = 25;
  private static final int SIDE = 9;
  private static final Shape SQUARE = Shape.of(SIDE, SIDE);

  @Test
  void eachComputesWhatItWouldAlone() throws Exception {
    check(new PlainDevice(1 << 16, 1 << 8).kernels());
  }

  static void check(Kernels kernels) throws Exception {
    float[] weight = new float[SIDE * SIDE];
    for (int i = 0; i < weight.length; i++) weight[i] = (i * 7 % 11 - 5) / 8f;
    Tensor shared = Tensor.of(SQUARE, weight);
    kernels.memory().enter(shared, true);
    List<float[]> alone = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) alone.add(work(kernels, shared, i));
    CyclicBarrier start = new CyclicBarrier(THREADS);
    List<FutureTask<float[]>> together = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      int which = i;
      together.add(
          new FutureTask<>(() -> {
            start.await();
            return work(kernels, shared, which);
          }));
    }
    together.forEach(t -> Thread.ofPlatform().daemon().start(t));
    for (int i = 0; i < THREADS; i++) assertThat(together.get(i).get()).isEqualTo(alone.get(i));
  }

  /**
   * Products with a weight that all share, on the device's arrays, the host's, and adopted ones.
   */
  private static float[] work(Kernels k, Tensor weight, int which) {
    Workspace workspace = k.memory().workspace();
    float[] sum = new float[SIDE * SIDE];
    float[] seen = new float[SIDE * SIDE];
    k.memory().adopt(sum);
    for (int time = 0; time < TIMES; time++) {
      float[] own = new float[SIDE * SIDE];
      for (int i = 0; i < own.length; i++) own[i] = (which + 1) * (i + time) % 13 / 16f;
      Tensor product = workspace.take(SIDE, SIDE);
      k.gemm(MatView.of(Tensor.of(SQUARE, own)), MatView.of(weight), MatView.of(product), false);
      k.map(UnaryMap.TANH, product, product);
      k.axpby(1, product, 0.5f, Tensor.of(SQUARE, sum));
      k.memory().fetch(product);
      for (int i = 0; i < seen.length; i++) seen[i] += product.get(i);
      workspace.releaseAll();
    }
    k.memory().release(sum);
    for (int i = 0; i < seen.length; i++) seen[i] -= sum[i];
    return seen;
  }
}
