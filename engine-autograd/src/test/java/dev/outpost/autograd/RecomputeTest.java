package dev.outpost.autograd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.autograd.op.Activation;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Attention;
import dev.outpost.autograd.op.Dropout;
import dev.outpost.autograd.op.LayerNorm;
import dev.outpost.autograd.op.Linear;
import dev.outpost.autograd.op.Sum;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A small stack of transformer blocks, block by block recomputed or not. */
class RecomputeTest {
  private static final int C = 8;
  private static final int ROWS = 12;
  private static final int BLOCKS = 4;
  private static final AttentionShape HEADS = AttentionShape.causal(2, ROWS / 2, 2, C / 2);

  private record Block(List<HeapWeight> w, boolean trainable, long key) {
    static Block of(int seed, boolean trainable) {
      List<HeapWeight> w = new ArrayList<>();
      w.add(GradCheck.normal(seed, C));
      w.add(GradCheck.normal(seed + 1, C));
      w.add(GradCheck.normal(seed + 2, 3 * C, C));
      w.add(GradCheck.normal(seed + 3, C, C));
      w.add(GradCheck.normal(seed + 4, 4 * C, C));
      w.add(GradCheck.normal(seed + 5, C, 4 * C));
      return new Block(w, trainable, seed);
    }

    Var run(Tape t, Var x) {
      List<Var> v = w.stream().map(h -> t.leaf(h, trainable)).toList();
      Var a = LayerNorm.layerNorm(t, x, v.get(0), v.get(1), 1e-5f);
      a = Attention.attention(t, HEADS, linear(t, a, v.get(2)));
      x = Add.add(t, x, Dropout.dropout(t, linear(t, a, v.get(3)), 0.25f, key));
      Var m = Activation.activation(t, UnaryMap.GELU_TANH, linear(t, x, v.get(4)));
      return Add.add(t, x, linear(t, m, v.get(5)));
    }

    private static Var linear(Tape t, Var x, Var w) {
      return Linear.linear(t, "w", x, w, null, Linear.Layout.OUT_IN);
    }
  }

  private final Tensor input = GradCheck.normal(1, ROWS, C).tensor();
  private final Workspace ws = new Workspace();

  private static List<Block> stack(boolean... trainable) {
    return IntStream.range(0, trainable.length)
        .mapToObj(i -> Block.of(100 * i, trainable[i]))
        .toList();
  }

  private Gradients train(Kernels k, List<Block> stack, boolean recompute) {
    Gradients gradients = new Gradients();
    Tape t = Tape.recording(k, ws);
    try (Tape.Scope _ = t.scope()) {
      Var x = t.constant(input);
      for (Block b : stack) {
        if (recompute) {
          x = Recompute.recompute(t, x, b.trainable(), b::run);
        } else {
          try (Tape.Scope block = t.scope()) {
            x = block.keep(b.run(t, x));
          }
        }
      }
      t.backward(Sum.sum(t, x), gradients);
    }
    assertThat(ws.meter().liveBytes()).as("bytes left on loan").isZero();
    return gradients;
  }

  private static void assertSame(List<Block> stack, Gradients got, Gradients want) {
    for (Block b : stack) {
      for (HeapWeight w : b.w()) {
        if (!b.trainable()) {
          assertThat(got.get(w)).isNull();
          continue;
        }
        assertThat(got.get(w).toArray()).isEqualTo(want.get(w).toArray());
        assertThat(got.get(w).toArray()).doesNotContain(Float.NaN).isNotEqualTo(zeros(w));
      }
    }
  }

  private static float[] zeros(HeapWeight w) {
    return new float[w.shape().size()];
  }

  @Test
  void givesTheSameBitsWithDropoutAndAllTrainable() {
    List<Block> stack = stack(true, true, true, true);
    Kernels k = Kernels.scalar();
    assertSame(stack, train(k, stack, true), train(k, stack, false));
  }

  @Test
  void givesTheSameBitsOnTheFastKernels() {
    List<Block> stack = stack(true, true);
    try (Team team = Team.of(2)) {
      Kernels k = Kernels.best(team);
      assertSame(stack, train(k, stack, true), train(k, stack, false));
    }
  }

  @Test
  void givesTheSameBitsAroundAFrozenMiddleAndBottom() {
    List<Block> stack = stack(false, true, false, true);
    Kernels k = Kernels.scalar();
    assertSame(stack, train(k, stack, true), train(k, stack, false));
  }

  @Test
  void recordsAPartWhoseInputIsConstantForItsWeights() {
    Tape t = Tape.recording(Kernels.scalar(), ws);
    Block b = Block.of(0, true);
    assertThat(Recompute.recompute(t, t.constant(input), true, b::run).needsGrad()).isTrue();
    assertThat(t.recorded()).isEqualTo(1);
  }

  @Test
  void recordsNothingForAFrozenPartOrAnEvaluation() {
    Tape t = Tape.recording(Kernels.scalar(), ws);
    Block frozen = Block.of(0, false);
    Recompute.recompute(t, t.constant(input), false, frozen::run);
    assertThat(t.recorded()).isZero();
    Tape e = Tape.evaluating(Kernels.scalar(), ws);
    Recompute.recompute(e, e.constant(input), true, Block.of(0, true)::run);
    assertThat(e.recorded()).isZero();
    assertThat(ws.meter().liveBytes()).isEqualTo(2 * ROWS * C * 4);
  }

  @Test
  void keepsOneActivationPerPart() {
    Tape t = Tape.recording(Kernels.scalar(), ws);
    Var x = t.constant(input);
    for (Block b : stack(true, true, true, true))
      x = Recompute.recompute(t, x, b.trainable(), b::run);
    assertThat(ws.meter().liveBytes()).isEqualTo(BLOCKS * ROWS * C * 4);
  }

  @Test
  void lowersThePeak() {
    List<Block> stack = stack(true, true, true, true);
    train(Kernels.scalar(), stack, true);
    long recomputed = ws.meter().peakBytes();
    train(Kernels.scalar(), stack, false);
    assertThat(ws.meter().peakBytes()).isGreaterThan(2 * recomputed);
  }

  @Test
  void passesAPartThatDoesNothing() {
    Tape t = Tape.recording(Kernels.scalar(), ws);
    HeapWeight w = GradCheck.normal(1, 3, 3);
    Gradients gradients = new Gradients();
    Var y = Recompute.recompute(t, t.leaf(w, true), false, (u, x) -> x);
    Var loss = Sum.sum(t, y);
    t.backward(loss, gradients);
    assertThat(gradients.get(w).toArray()).containsOnly(1);
    ws.release(loss.value());
    assertThat(ws.meter().liveBytes()).isZero();
  }

  @Test
  void allocatesNothingAfterTheFirstStep() {
    List<Block> stack = stack(true, false, true);
    for (boolean recompute : new boolean[] {true, false}) {
      train(Kernels.scalar(), stack, recompute);
      long allocated = ws.meter().allocatedBytes();
      for (int i = 0; i < 3; i++) train(Kernels.scalar(), stack, recompute);
      assertThat(ws.meter().allocatedBytes()).isEqualTo(allocated);
    }
  }
}
