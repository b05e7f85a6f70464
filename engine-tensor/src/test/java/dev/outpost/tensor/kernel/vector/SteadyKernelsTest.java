package dev.outpost.tensor.kernel.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AdamWStep;
import dev.outpost.tensor.kernel.AttentionScores;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.kernel.RotaryShape;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.weight.HeapWeight;
import java.lang.management.ManagementFactory;
import java.util.stream.Stream;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every kernel, once compiled, takes from the heap no more than the few objects that name its work:
 * no buffer, no vector.
 *
 * <p>What C2 inlines hangs on when and beside what it compiles, so this is a check for a quiet
 * machine, asked for by {@code -Doutpost.test.jit=true}, and no gate for a busy one.
 */
@EnabledIfSystemProperty(
    named = "outpost.test.jit",
    matches = "true",
    disabledReason = "needs a quiet machine: -Doutpost.test.jit=true")
class SteadyKernelsTest {
  private static final int ROWS = 97;
  private static final int COLS = 203;

  /** A lambda or three, an iterator, a plan: none grows with the tensors. */
  private static final long FEW_OBJECTS = 400;

  private static final int ROUNDS = 400;
  private static final int CALLS = 20;

  /**
   * Two vectors per row: whether C2 inlines the sum over lanes that ends a row hangs on what else
   * the process has compiled. A loop that left its vectors on the heap takes five times this.
   */
  private static final long AND_ROW_ENDS = FEW_OBJECTS + 2L * ROWS * (4 * Lanes.VL + 32);

  record Call(String name, long limit, Runnable run) {
    Call(String name, Runnable run) {
      this(name, FEW_OBJECTS, run);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Call> calls() {
    Kernels k = new VectorKernels(Team.of(1));
    Tensor x = noise(ROWS, COLS);
    Tensor y = noise(ROWS, COLS);
    Tensor z = noise(ROWS, COLS);
    Tensor row = noise(COLS);
    Tensor other = noise(COLS);
    Tensor perRow = noise(ROWS);
    Tensor spread = noise(ROWS);
    spread.fill(1);
    Tensor v = Tensor.zeros(ROWS, COLS);
    int[] ids = new int[ROWS];
    for (int i = 0; i < ROWS; i++) ids[i] = i * 7 % ROWS;
    HeapWeight table = HeapWeight.of(x);
    AdamWStep step = new AdamWStep(1e-3f, 0.9f, 0.999f, 1e-8f, 0.1f, 3, 1);
    float[] losses = new float[ROWS];
    Tensor angles = noise(ROWS, 40);
    RotaryShape turn = new RotaryShape(1, ROWS, 0, 5, 40, 20);
    RotaryShape neighbours = new RotaryShape(1, ROWS, 0, 5, 40, 20, RotaryPairing.NEIGHBOURS);
    HeadView from = HeadView.of(x, ROWS, 0);
    HeadView to = HeadView.of(y, ROWS, 0);
    return Stream.of(
        new Call("addBias", () -> k.addBias(x, row, y)),
        new Call("sumRows", () -> k.sumRows(x, row, false)),
        new Call("axpby", () -> k.axpby(0.5f, x, 0.5f, y)),
        new Call("add", () -> k.add(x, z, y)),
        new Call("multiply", () -> k.multiply(x, z, y, false)),
        new Call("map", () -> k.map(UnaryMap.GELU_TANH, x, y)),
        new Call("mapBackward", () -> k.mapBackward(UnaryMap.GELU_TANH, x, z, y, true)),
        new Call(
            "layerNorm", AND_ROW_ENDS, () -> k.layerNorm(x, row, row, 1e-5f, y, perRow, spread)),
        new Call(
            "layerNormBackward",
            AND_ROW_ENDS,
            () -> k.layerNormBackward(x, row, perRow, spread, z, y, false, other, row, false)),
        new Call("rmsNorm", AND_ROW_ENDS, () -> k.rmsNorm(x, row, 1e-5f, y, spread)),
        new Call(
            "rmsNormBackward",
            AND_ROW_ENDS,
            () -> k.rmsNormBackward(x, row, spread, z, y, false, other, false)),
        new Call("rotary", () -> k.rotary(turn, angles, from, to, false)),
        new Call("rotary of neighbours", () -> k.rotary(neighbours, angles, from, to, false)),
        new Call("gate", () -> k.gate(UnaryMap.SILU, x, z, y)),
        new Call("gateBackward", () -> k.gateBackward(UnaryMap.SILU, x, z, z, y, v)),
        new Call("softmax", AND_ROW_ENDS, () -> k.softmax(x, y)),
        new Call("gather", () -> k.gather(table, ids, y, false)),
        new Call("scatterAdd", () -> k.scatterAdd(z, ids, y)),
        new Call("crossEntropy", AND_ROW_ENDS, () -> k.crossEntropy(y, ids, 1, losses, true)),
        new Call("adamW", () -> k.adamW(y, z, z, v, step)),
        new Call("sumSquares", () -> k.sumSquares(x)),
        new Call("sumSquaredDifference", () -> k.sumSquaredDifference(x, z)),
        attention(k, "attention", new AttentionShape(1, ROWS, ROWS, 4, 2, 24, 0.2f, true)),
        attention(k, "decode", new AttentionShape(1, 1, ROWS, 4, 2, 24, 0.2f, true)),
        attentionBackward(
            k, "attentionBackward", new AttentionShape(1, ROWS, ROWS, 4, 2, 24, 0.2f, true)),
        attention(k, "attention, bent", bent(ROWS)),
        attention(k, "decode, bent", bent(1)),
        attentionBackward(k, "attentionBackward, bent", bent(ROWS)));
  }

  /** With everything that scores can have. */
  private static AttentionShape bent(int queries) {
    AttentionScores scores =
        AttentionScores.causal(24)
            .withWindow(ROWS / 2)
            .withSoftcap(0.7f)
            .withSlopes(AttentionScores.alibi(4));
    return new AttentionShape(1, queries, ROWS, 4, 2, 24, scores).withLengths(new int[] {ROWS - 3});
  }

  private static Call attention(Kernels k, String name, AttentionShape s) {
    Tensor q = noise(s.queries(), s.heads() * s.headDim());
    Tensor kv = noise(s.keys(), s.kvHeads() * s.headDim());
    Tensor out = Tensor.zeros(s.queries(), s.heads() * s.headDim());
    Tensor lse = Tensor.zeros(s.batch(), s.heads(), s.queries());
    HeadView qs = HeadView.of(q, s.queries(), 0);
    HeadView ks = HeadView.of(kv, s.keys(), 0);
    HeadView outs = HeadView.of(out, s.queries(), 0);
    return new Call(name, AND_ROW_ENDS, () -> k.attention(s, qs, ks, ks, outs, lse));
  }

  private static Call attentionBackward(Kernels k, String name, AttentionShape s) {
    int n = s.queries();
    int wide = s.heads() * s.headDim();
    int narrow = s.kvHeads() * s.headDim();
    HeadView q = HeadView.of(noise(n, wide), n, 0);
    HeadView kv = HeadView.of(noise(n, narrow), n, 0);
    HeadView out = HeadView.of(Tensor.zeros(n, wide), n, 0);
    HeadView dout = HeadView.of(noise(n, wide), n, 0);
    HeadView dq = HeadView.of(Tensor.zeros(n, wide), n, 0);
    HeadView dk = HeadView.of(Tensor.zeros(n, narrow), n, 0);
    HeadView dv = HeadView.of(Tensor.zeros(n, narrow), n, 0);
    Tensor lse = Tensor.zeros(1, s.heads(), n);
    k.attention(s, q, kv, kv, out, lse);
    return new Call(
        name, AND_ROW_ENDS, () -> k.attentionBackward(s, q, kv, kv, out, lse, dout, dq, dk, dv));
  }

  private static Tensor noise(int... extents) {
    Tensor t = Tensor.zeros(extents);
    for (int i = 0; i < t.size(); i++) t.data()[t.offset() + i] = (i * 37 % 101 - 50) / 50f;
    return t;
  }

  @ParameterizedTest
  @MethodSource("calls")
  void aCompiledKernelTakesAFewObjects(Call call) {
    assumeTrue(System.getProperty("java.vm.name").contains("Server VM"), "needs the C2 compiler");
    assumeTrue(Lanes.F == FloatVector.SPECIES_PREFERRED, "needs the CPU's own vector width");
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && least > call.limit(); round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < CALLS; i++) call.run().run();
      least = Math.min(least, (threads.getCurrentThreadAllocatedBytes() - before) / CALLS);
    }
    assertThat(least).isLessThanOrEqualTo(call.limit());
  }
}
