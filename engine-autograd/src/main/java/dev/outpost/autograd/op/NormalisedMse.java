package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import java.util.List;

/**
 * The distillation loss of offsite-tuning (Xiao et al. 2023, released code, {@code get_kd_loss}):
 * {@code mean(((T − S)/rms(T))²)} with {@code rms(T) = √mean(T²)} over the whole tensor, which is
 * {@code Σ(T − S)²/ΣT²}: 0 for equal outputs, 1 for a student that says nothing.
 *
 * <p>Backward: {@code dS = dy·2·(S − T)/ΣT²}; the teacher gets none.
 */
public final class NormalisedMse {
  private NormalisedMse() {}

  /**
   * Compares a student's output with a teacher's of the same shape. The result is [1].
   *
   * @param teacher read only during this call
   * @throws ShapeException when the shapes differ
   * @throws IllegalArgumentException when the teacher's output is all zeros or not finite
   */
  public static Var normalisedMse(Tape t, Var student, Tensor teacher) {
    if (!student.shape().equals(teacher.shape()))
      throw new ShapeException(
          "normalisedMse",
          "student and teacher must have equal shapes",
          student.shape(),
          teacher.shape());
    Kernels k = t.kernels();
    double power = k.sumSquares(teacher);
    if (!(power > 0 && power < Double.POSITIVE_INFINITY))
      throw new IllegalArgumentException(
          "normalisedMse: the sum of the teacher's squares must be positive and finite, got "
              + power);
    Tensor loss = t.take(1);
    k.fill(loss, (float) (k.sumSquaredDifference(teacher, student.value()) / power));
    if (!t.needsGrad(student)) return t.constant(loss);
    // Saving the difference leaves the teacher's tensor to its owner.
    Tensor difference = t.take(student.shape());
    k.copy(MatView.of(student.value()), MatView.of(difference), false);
    k.axpby(-1, teacher, 1, difference);
    Back back = new Back(k, student, difference, 2 / power);
    return t.record("normalisedMse", loss, List.of(difference), back, student);
  }

  private record Back(Kernels k, Var student, Tensor difference, double factor)
      implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      k.memory().fetch(dy);
      Grads.Slot ds = grads.of(student);
      k.axpby((float) (factor * dy.get(0)), difference, ds.beta(), ds.tensor());
    }
  }
}
