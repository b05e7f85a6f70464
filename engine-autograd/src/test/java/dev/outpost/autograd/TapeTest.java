package dev.outpost.autograd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.op.Activation;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.CrossEntropy;
import dev.outpost.autograd.op.Embedding;
import dev.outpost.autograd.op.Linear;
import dev.outpost.autograd.op.Scale;
import dev.outpost.autograd.op.Sum;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import java.util.List;
import org.junit.jupiter.api.Test;

class TapeTest {
  private final Kernels kernels = Kernels.scalar();
  private final Workspace ws = new Workspace();
  private final Tape tape = Tape.recording(kernels, ws);
  private final Gradients gradients = new Gradients();
  private final HeapWeight bottom = GradCheck.normal(1, 4, 4);
  private final HeapWeight middle = GradCheck.normal(2, 4, 4);
  private final HeapWeight top = GradCheck.normal(3, 4, 4);
  private final Tensor input = GradCheck.normal(4, 6, 4).tensor();

  private static Var project(Tape t, Var x, HeapWeight w, boolean trainable) {
    return Linear.linear(t, "w", x, t.leaf(w, trainable), null, Linear.Layout.OUT_IN);
  }

  @Test
  void aFrozenBottomRecordsNothing() {
    Var x = project(tape, tape.constant(input), bottom, false);
    x = Activation.activation(tape, UnaryMap.GELU_TANH, x);
    assertThat(x.needsGrad()).isFalse();
    assertThat(tape.recorded()).isZero();
    project(tape, x, top, true);
    assertThat(tape.recorded()).isEqualTo(1);
  }

  @Test
  void aFrozenMiddlePassesGradientsThroughAndGetsNone() {
    Var x = project(tape, tape.constant(input), bottom, true);
    x = Activation.activation(tape, UnaryMap.TANH, x);
    x = project(tape, x, middle, false);
    x = project(tape, x, top, true);
    tape.backward(Sum.sum(tape, x), gradients);
    assertThat(gradients.get(middle)).isNull();
    assertThat(gradients.get(top)).isNotNull();
    assertThat(gradients.get(bottom).toArray()).isNotEqualTo(new float[16]);
    assertThat(gradients.bytes()).isEqualTo(2 * 16 * 4);
  }

  @Test
  void aTiedWeightGetsTheSumOfItsUses() {
    HeapWeight table = GradCheck.normal(5, 9, 4);
    int[] ids = {1, 2, 3};
    int[] targets = {2, 3, 8};
    HeapWeight head = HeapWeight.of(table.toTensor());
    languageModel(tape, table, table, ids, targets, gradients);
    Gradients apart = new Gradients();
    languageModel(Tape.recording(kernels, ws), table, head, ids, targets, apart);
    for (int i = 0; i < table.shape().size(); i++)
      assertThat(gradients.get(table).get(i))
          .isCloseTo(apart.get(table).get(i) + apart.get(head).get(i), within(1e-6f));
  }

  private static void languageModel(
      Tape t, HeapWeight table, HeapWeight head, int[] ids, int[] targets, Gradients gradients) {
    Var h = Embedding.embedding(t, t.leaf(table, true), ids);
    t.backward(CrossEntropy.linearCrossEntropy(t, h, t.leaf(head, true), targets), gradients);
  }

  @Test
  void microBatchesAccumulateUntilCleared() {
    Runnable batch =
        () -> {
          Tape t = Tape.recording(kernels, ws);
          t.backward(Sum.sum(t, project(t, t.constant(input), top, true)), gradients);
        };
    batch.run();
    float once = gradients.get(top).get(5);
    batch.run();
    assertThat(gradients.get(top).get(5)).isEqualTo(2 * once);
    assertThat(gradients.bytes()).isPositive();
    gradients.clear();
    assertThat(gradients.get(top)).isNull();
    assertThat(gradients.bytes()).isZero();
    batch.run();
    assertThat(gradients.get(top).get(5)).isEqualTo(once);
  }

  @Test
  void gradientsInTheTapesWorkspaceOutliveItsStepAndShareItsMemory() {
    Gradients shared = Gradients.in(ws);
    Tape first = Tape.recording(kernels, ws);
    first.backward(Sum.sum(first, project(first, first.constant(input), top, true)), shared);
    ws.releaseAll();
    Tensor lent = shared.get(top);
    long held = ws.meter().liveBytes();
    assertThat(ws.lends(lent)).isTrue();
    assertThat(ws.take(top.shape()).offset()).isNotEqualTo(lent.offset());
    ws.releaseAll();
    assertThat(ws.meter().liveBytes()).isEqualTo(held).isPositive();
    shared.clear();
    assertThat(ws.meter().liveBytes()).isZero();
    assertThat(ws.lends(lent)).isFalse();
  }

  @Test
  void anInputsGradientIsReturnedWithoutTouchingWeights() {
    Var x = tape.input(input);
    Var unused = tape.input(input);
    Var y = Scale.scale(tape, x, 3);
    Tensor dy = ws.takeZeroed(6, 4);
    dy.fill(2);
    List<Tensor> dx = tape.backward(y, dy, gradients, List.of(x, unused));
    assertThat(dx.get(0).toArray()).containsOnly(6);
    assertThat(dx.get(1)).isNull();
    assertThat(gradients.bytes()).isZero();
  }

  @Test
  void anInputNobodyAsksForIsGivenBack() {
    Var y = Scale.scale(tape, tape.input(input), 3);
    tape.backward(y, ws.takeZeroed(6, 4), gradients, List.of());
    ws.release(y.value());
    assertThat(ws.meter().liveBytes()).isZero();
  }

  @Test
  void theLossStaysReadableAfterTheWalk() {
    Var loss = Sum.sum(tape, project(tape, tape.constant(input), top, true));
    float before = loss.value().get(0);
    tape.backward(loss, gradients);
    Tensor next = ws.take(1);
    next.fill(Float.NaN);
    assertThat(loss.value().get(0)).isEqualTo(before);
  }

  @Test
  void aScopeGivesBackWhatNobodySaves() {
    Tape evaluating = Tape.evaluating(kernels, ws);
    Var y;
    try (Tape.Scope scope = evaluating.scope()) {
      Var x = evaluating.constant(input);
      for (int i = 0; i < 5; i++) x = Activation.activation(evaluating, UnaryMap.TANH, x);
      y = scope.keep(x);
    }
    assertThat(ws.meter().liveBytes()).isEqualTo(bytes(y));
  }

  @Test
  void aKeptValueBelongsToTheSurroundingScope() {
    Tape evaluating = Tape.evaluating(kernels, ws);
    try (Tape.Scope _ = evaluating.scope()) {
      try (Tape.Scope inner = evaluating.scope()) {
        inner.keep(Scale.scale(evaluating, evaluating.constant(input), 2));
      }
      assertThat(ws.meter().liveBytes()).isPositive();
    }
    assertThat(ws.meter().liveBytes()).isZero();
  }

  @Test
  void aBufferLentAgainIsNotTakenFromItsNewOwner() {
    // add saves nothing, so its operand's buffer returns with the scope and is lent to the next
    // operation while the step that made it is still on the tape.
    Var x = project(tape, tape.constant(input), top, true);
    for (int i = 0; i < 3; i++) {
      try (Tape.Scope scope = tape.scope()) {
        x = scope.keep(Add.add(tape, Scale.scale(tape, x, 2), Scale.scale(tape, x, 0.5f)));
      }
    }
    Tensor mine = tape.take(6, 4);
    mine.fill(7);
    tape.backward(Sum.sum(tape, x), gradients);
    assertThat(ws.lends(mine)).isTrue();
    assertThat(mine.toArray()).containsOnly(7);
    Gradients plain = new Gradients();
    Tape other = Tape.recording(kernels, new Workspace());
    Var y = project(other, other.constant(input), top, true);
    other.backward(Sum.sum(other, Scale.scale(other, y, 2.5f * 2.5f * 2.5f)), plain);
    assertThat(gradients.get(top).toArray())
        .containsExactly(plain.get(top).toArray(), within(1e-3f));
  }

  @Test
  void refusesALossThatIsNotOneNumberOrDependsOnNoWeight() {
    Var matrix = project(tape, tape.constant(input), top, true);
    assertThatThrownBy(() -> tape.backward(matrix, gradients))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("the loss must have one element, got [6, 4]");
    Var frozen = Sum.sum(tape, project(tape, tape.constant(input), middle, false));
    assertThatThrownBy(() -> tape.backward(frozen, gradients))
        .hasMessageContaining("the loss depends on no trainable weight");
  }

  @Test
  void refusesAValueOfAnotherTape() {
    Var foreign = Tape.recording(kernels, ws).input(input);
    assertThatThrownBy(() -> Scale.scale(tape, foreign, 2))
        .hasMessageContaining("scale: ")
        .hasMessageContaining("belongs to another tape");
  }

  private static long bytes(Var v) {
    return (v.value().size() + 15L) / 16 * 16 * 4;
  }
}
