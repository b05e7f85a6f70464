package dev.outpost.tensor.kernel.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.outpost.tensor.kernel.UnaryMap;
import java.lang.management.ManagementFactory;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A function that grows too large for the compiler to inline passes vectors as heap objects: right
 * results, several bytes of garbage per element, a fraction of the speed.
 *
 * <p>What C2 inlines hangs on when and beside what it compiles, so this is a check for a quiet
 * machine, asked for by {@code -Doutpost.test.jit=true}, and no gate for a busy one.
 */
@EnabledIfSystemProperty(
    named = "outpost.test.jit",
    matches = "true",
    disabledReason = "needs a quiet machine: -Doutpost.test.jit=true")
class SteadyStateTest {
  private static final int N = 1 << 14;

  /** Many: beside a whole suite's compilations a kernel may wait seconds for its own. */
  private static final int ROUNDS = 2000;

  private static final int CALLS = 50;

  @ParameterizedTest
  @EnumSource(UnaryMap.class)
  void compiledMapsAllocateNothing(UnaryMap op) {
    float[] x = ramp();
    float[] y = new float[N];
    assertThat(leastBytesPerElement(() -> MapKernels.map(op, x, 0, y, 0, N))).isLessThan(0.1);
  }

  @ParameterizedTest
  @EnumSource(UnaryMap.class)
  void compiledDerivativesAllocateNothing(UnaryMap op) {
    float[] x = ramp();
    float[] dy = ramp();
    float[] dx = new float[N];
    assertThat(leastBytesPerElement(() -> MapKernels.backward(op, x, 0, dy, 0, dx, 0, N, false)))
        .isLessThan(0.1);
  }

  @Test
  void compiledGatesAllocateNothing() {
    float[] x = ramp();
    float[] up = ramp();
    float[] y = new float[N];
    float[] d = new float[N];
    float[] piece = new float[GateKernels.PIECE];
    for (UnaryMap op : new UnaryMap[] {UnaryMap.SILU, UnaryMap.GELU_TANH}) {
      assertThat(leastBytesPerElement(() -> GateKernels.forward(op, x, 0, up, 0, y, 0, N)))
          .isLessThan(0.1);
      assertThat(
              leastBytesPerElement(
                  () -> GateKernels.backward(op, x, 0, up, 0, up, 0, y, 0, d, 0, N, piece)))
          .isLessThan(0.1);
    }
  }

  @Test
  void compiledRmsNormAllocatesNothing() {
    float[] x = ramp();
    float[] y = new float[N];
    float[] rstd = new float[1];
    Runnable rows =
        () -> {
          for (int at = 0; at + 200 < N; at += 200)
            RmsNormKernels.forward(x, at, 61 + at % 64, x, 0, 1e-5f, y, at, rstd, 0);
        };
    assertThat(leastBytesPerElement(rows)).isLessThan(0.1);
  }

  /** Rows of every remainder, as causal attention has them. */
  @Test
  void compiledSoftmaxOfRaggedRowsAllocatesNothing() {
    float[] x = ramp();
    float[] y = new float[N];
    Runnable rows =
        () -> {
          for (int row = 0, at = 0; at + 200 < N; row++, at += 200)
            RowKernels.softmax(x, at, 61 + row % 64, y, at);
        };
    assertThat(leastBytesPerElement(rows)).isLessThan(0.1);
  }

  private static float[] ramp() {
    float[] x = new float[N];
    for (int i = 0; i < N; i++) x[i] = (i - N / 2) * (8f / N);
    return x;
  }

  /** Of many rounds the best one, for compilation comes when it comes; ends early once it has. */
  private static double leastBytesPerElement(Runnable kernel) {
    // Other compilers and widths beyond the CPU's own keep vectors on the heap by design.
    assumeTrue(System.getProperty("java.vm.name").contains("Server VM"), "needs the C2 compiler");
    assumeTrue(Lanes.F == FloatVector.SPECIES_PREFERRED, "needs the CPU's own vector width");
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    double least = Double.POSITIVE_INFINITY;
    for (int round = 0; round < ROUNDS && least > 0.1; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int call = 0; call < CALLS; call++) kernel.run();
      long bytes = threads.getCurrentThreadAllocatedBytes() - before;
      least = Math.min(least, (double) bytes / CALLS / N);
    }
    return least;
  }
}
