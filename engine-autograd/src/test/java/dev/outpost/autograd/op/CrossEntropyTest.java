package dev.outpost.autograd.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.GradCheck;
import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CrossEntropyTest {
  private static final int[] TARGETS = {3, 0, -100, 12, 7, -1, -1, 7, 1, 2};
  private final Kernels kernels = Kernels.scalar();
  private final HeapWeight h = GradCheck.normal(1, 10, 6);
  private final HeapWeight w = GradCheck.normal(2, 13, 6);

  /** Loss, dh and dW. */
  private record Result(float loss, float[] dh, float[] dw) {}

  @FunctionalInterface
  private interface Loss {
    Var of(Tape t, Var h, Var w);
  }

  private Result run(Loss op, float upstream) {
    Tape t = Tape.recording(kernels, new Workspace());
    Gradients gradients = new Gradients();
    Var loss = op.of(t, t.leaf(h, true), t.leaf(w, true));
    float value = loss.value().get(0);
    t.backward(Scale.scale(t, loss, upstream), gradients);
    return new Result(value, gradients.get(h).toArray(), gradients.get(w).toArray());
  }

  private static Var unfused(Tape t, Var h, Var w) {
    Var logits = Linear.linear(t, "head", h, w, null, Linear.Layout.OUT_IN);
    return CrossEntropy.crossEntropy(t, logits, TARGETS);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 6, 7, 50})
  void equalsTheUnfusedComputationForEveryChunkSize(int chunkRows) {
    Result want = run(CrossEntropyTest::unfused, 2.5f);
    Result got =
        run(
            (t, a, b) -> CrossEntropy.linearCrossEntropy(t, a, b, null, 0, TARGETS, chunkRows),
            2.5f);
    assertThat(got.loss()).isCloseTo(want.loss(), within(1e-6f));
    assertThat(got.dh()).containsExactly(want.dh(), within(1e-6f));
    assertThat(got.dw()).containsExactly(want.dw(), within(1e-6f));
  }

  @Test
  void isTheLogarithmOfTheVocabularyForAHeadThatKnowsNothing() {
    w.tensor().fill(0);
    float loss = run((t, a, b) -> CrossEntropy.linearCrossEntropy(t, a, b, TARGETS), 1).loss();
    assertThat(loss).isCloseTo((float) Math.log(13), within(1e-6f));
  }

  @Test
  void givesIgnoredRowsNoGradient() {
    Result r = run((t, a, b) -> CrossEntropy.linearCrossEntropy(t, a, b, TARGETS), 1);
    for (int row = 0; row < TARGETS.length; row++)
      for (int c = 0; c < 6; c++)
        assertThat(r.dh()[row * 6 + c] == 0).as("row %d", row).isEqualTo(TARGETS[row] < 0);
  }

  @Test
  void givesEachRowsLossWithoutGradient() {
    Workspace ws = new Workspace();
    float[] losses = CrossEntropy.losses(kernels, ws, h.tensor(), w.view(), null, 0, TARGETS);
    assertThat(losses).hasSize(10);
    assertThat(ws.meter().liveBytes()).isZero();
    double sum = 0;
    for (int i = 0; i < losses.length; i++) {
      assertThat(losses[i] == 0).isEqualTo(TARGETS[i] < 0);
      sum += losses[i];
    }
    float mean = run(CrossEntropyTest::unfused, 1).loss();
    assertThat((float) (sum / 7)).isCloseTo(mean, within(1e-6f));
  }

  @Test
  void neverKeepsTheLogitsOfAllRows() {
    int rows = 800;
    int vocabulary = 40_000;
    Workspace ws = new Workspace();
    Tape t = Tape.recording(Kernels.best(kernels.team()), ws);
    Var head = t.leaf(GradCheck.normal(4, vocabulary, 2), false);
    CrossEntropy.linearCrossEntropy(
        t, t.leaf(GradCheck.normal(3, rows, 2), true), head, new int[rows]);
    // A chunk is about 64 MiB, which the workspace may round up by an eighth.
    assertThat(ws.meter().peakBytes()).isBetween(32L << 20, 74L << 20);
    assertThat(ws.meter().liveBytes()).isLessThan(1 << 14);
  }

  @Test
  void refusesABatchWithoutATarget() {
    Tape t = Tape.recording(kernels, new Workspace());
    int[] none = {-1, -100, -1, -1, -1, -1, -1, -1, -1, -1};
    String message = "all of the 10 targets are ignored (negative), so the mean has no terms";
    assertThatThrownBy(
            () -> CrossEntropy.linearCrossEntropy(t, t.leaf(h, true), t.leaf(w, true), none))
        .hasMessageContaining(message);
    assertThatThrownBy(() -> CrossEntropy.crossEntropy(t, t.leaf(h, true), none))
        .hasMessageContaining(message);
  }

  @Test
  void saysWhichTargetIsOutsideTheVocabulary() {
    Tape t = Tape.recording(kernels, new Workspace());
    int[] bad = {0, 0, 0, 13, 0, 0, 0, 0, 0, 0};
    assertThatThrownBy(
            () -> CrossEntropy.linearCrossEntropy(t, t.leaf(h, true), t.leaf(w, true), bad))
        .hasMessage("linearCrossEntropy: target 13 at row 3 is outside the vocabulary of 13");
    assertThatThrownBy(
            () -> CrossEntropy.linearCrossEntropy(t, t.leaf(h, true), t.leaf(w, true), new int[9]))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("one target per row, got 10 rows and 9 targets");
    assertThatThrownBy(() ->
            CrossEntropy.linearCrossEntropy(
                t, t.leaf(w, true), t.constant(h.tensor().reshape(6, 10)), new int[13]))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("h has 6 columns, the head expects 10");
  }
}
