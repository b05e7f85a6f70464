package dev.outpost.autograd.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.GradCheck;
import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import org.junit.jupiter.api.Test;

class NormalisedMseTest {
  private final HeapWeight student = GradCheck.normal(1, 5, 7);
  private final Tensor teacher = GradCheck.normal(2, 5, 7).tensor();

  private float loss(Tensor s, Tensor t) {
    Tape tape = Tape.evaluating(Kernels.scalar(), new Workspace());
    return NormalisedMse.normalisedMse(tape, tape.constant(s), t).value().get(0);
  }

  private static Tensor scaled(Tensor t, float by) {
    Tensor copy = Tensor.of(t.shape(), t.toArray());
    for (int i = 0; i < copy.size(); i++) copy.data()[i] *= by;
    return copy;
  }

  @Test
  void isTheMeanSquareOfTheErrorInUnitsOfTheTeachersRms() {
    double square = 0;
    for (float t : teacher.toArray()) square += (double) t * t;
    double rms = Math.sqrt(square / teacher.size());
    double sum = 0;
    for (int i = 0; i < teacher.size(); i++)
      sum += Math.pow((teacher.get(i) - student.tensor().get(i)) / rms, 2);
    float want = (float) (sum / teacher.size());
    assertThat(loss(student.tensor(), teacher)).isCloseTo(want, within(1e-6f));
  }

  @Test
  void isZeroForEqualsAndOneForSilence() {
    assertThat(loss(teacher, teacher)).isZero();
    assertThat(loss(Tensor.zeros(5, 7), teacher)).isEqualTo(1);
  }

  @Test
  void doesNotChangeWhenBothAreScaled() {
    float want = loss(student.tensor(), teacher);
    for (float by : new float[] {8, 1000, 1e-4f, -3})
      assertThat(loss(scaled(student.tensor(), by), scaled(teacher, by)))
          .isCloseTo(want, within(1e-6f * want));
  }

  @Test
  void outlivesTheTeachersTensor() {
    Tape tape = Tape.recording(Kernels.scalar(), new Workspace());
    Gradients gradients = new Gradients();
    Tensor lent = scaled(teacher, 1);
    Var loss = NormalisedMse.normalisedMse(tape, tape.leaf(student, true), lent);
    lent.fill(Float.NaN);
    tape.backward(loss, gradients);
    assertThat(gradients.get(student).toArray()).doesNotContain(Float.NaN);
  }

  @Test
  void refusesATeacherWithoutPower() {
    assertThatThrownBy(() -> loss(teacher, Tensor.zeros(5, 7)))
        .hasMessageContaining("sum of the teacher's squares must be positive and finite, got 0.0");
    assertThatThrownBy(() -> loss(teacher, scaled(teacher, Float.NaN)))
        .hasMessageContaining("got NaN");
  }
}
