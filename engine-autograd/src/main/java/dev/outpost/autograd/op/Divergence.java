package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.memory.Workspace;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Distillation by logits (Hinton et al. 2015): the mean over counted rows of {@code T²·KL(p ‖ q)}
 * in nats, where {@code p = softmax(teacher/T)} and {@code q = softmax((h·Wᵀ + b)/T)}. The factor
 * T² keeps the gradient's size as T changes.
 *
 * <p>Backward: {@code dlogits = dy·T·(q − p)/counted}. As for {@link CrossEntropy}, logits exist
 * for a chunk of rows at a time, and their gradient is used at once; the head W is frozen.
 */
public final class Divergence {
  private Divergence() {}

  /** A teacher's logits, asked for by row. */
  @FunctionalInterface
  public interface Teacher {
    /**
     * Writes logits.
     *
     * @param rows of the student's h that they are for
     * @param out [rows.length, V], all of which is to be written by kernels, or stored in their
     *     memory; −∞ where the teacher says never
     */
    void logits(int[] rows, Tensor out);
  }

  /**
   * Compares h [N, C] through the head w [V, C] with a teacher; the result is [1].
   *
   * @param w on the heap or mapped, frozen
   * @param bias [V], or null
   * @param softCap bound on the student's logits as {@link SoftCap} does; 0 for none
   * @param targets a row with a negative one is not compared
   * @param temperature T
   * @param teacher asked once per chunk of rows, in their order
   * @throws ShapeException when the extents do not fit
   * @throws IllegalArgumentException when no row is compared, T is not positive, or w is trainable
   */
  public static Var linearDivergence(
      Tape t,
      Var h,
      Var w,
      @Nullable Tensor bias,
      float softCap,
      int[] targets,
      float temperature,
      Teacher teacher) {
    int v = w.shape().rows();
    return linearDivergence(
        t,
        h,
        w,
        bias,
        softCap,
        targets,
        temperature,
        teacher,
        Math.max(1, CrossEntropy.chunkRows(v) / 2));
  }

  static Var linearDivergence(
      Tape t,
      Var h,
      Var w,
      @Nullable Tensor bias,
      float softCap,
      int[] targets,
      float temperature,
      Teacher teacher,
      int chunkRows) {
    if (h.shape().cols() != w.shape().cols() || h.shape().rows() != targets.length)
      throw new ShapeException(
          "linearDivergence",
          "h must have the head's columns and a row per target",
          h.shape(),
          "W " + w.shape() + ", " + targets.length + " targets");
    if (!(temperature > 0) || Float.isInfinite(temperature))
      throw new IllegalArgumentException(
          "linearDivergence: temperature must be positive, got " + temperature);
    if (w.needsGrad())
      throw new IllegalArgumentException(
          "linearDivergence: the head must be frozen; freeze it, or learn from targets alone");
    CrossEntropy.Counted counted = CrossEntropy.Counted.of(targets);
    int n = counted.atLeastOne("linearDivergence", targets.length);
    Workspace ws = t.workspace();
    Tensor rows = counted.gather(t.kernels(), ws, h.value());
    Tensor dh = t.needsGrad(h) ? t.take(n, h.shape().cols()) : null;
    Chunks chunks = new Chunks(t.kernels(), ws, w.view(), bias, softCap, temperature, n);
    double sum = 0;
    int step = CrossEntropy.evenly(n, chunkRows);
    for (int from = 0; from < n; from += step) {
      int to = Math.min(n, from + step);
      int[] which = new int[to - from];
      for (int i = 0; i < which.length; i++)
        which[i] = counted.rows() == null ? from + i : counted.rows()[from + i];
      Tensor d = dh == null ? null : dh.slice(from, to);
      sum += chunks.run(rows.slice(from, to), which, teacher, d);
    }
    if (rows != h.value()) ws.release(rows);
    Tensor loss = t.take(1);
    t.kernels().fill(loss, (float) (sum / n * temperature * temperature));
    if (dh == null) return t.constant(loss);
    return t.record(
        "linearDivergence", loss, List.of(dh), new Back(t.kernels(), h, dh, counted), h);
  }

  private record Chunks(
      Kernels k,
      Workspace ws,
      MatView w,
      @Nullable Tensor bias,
      float cap,
      float temperature,
      int counted) {
    /** Σ KL of the rows; writes their dh. */
    double run(Tensor h, int[] rows, Teacher teacher, @Nullable Tensor dh) {
      Tensor student = ws.take(rows.length, w.rows());
      Tensor uncapped = cap == 0 || dh == null ? null : ws.take(rows.length, w.rows());
      k.gemm(MatView.of(h), w.t(), MatView.of(student), false);
      if (bias != null) k.addBias(student, bias, student);
      if (uncapped != null) SoftCap.inPlace(k, student, uncapped, cap);
      else SoftCap.inPlace(k, student, cap);
      Tensor said = ws.take(rows.length, w.rows());
      teacher.logits(rows, said);
      if (temperature != 1) {
        k.axpby(1 / temperature, student, 0, student);
        k.axpby(1 / temperature, said, 0, said);
      }
      Tensor q = ws.take(rows.length, w.rows());
      Tensor p = ws.take(rows.length, w.rows());
      k.softmax(student, q);
      k.softmax(said, p);
      for (Tensor read : List.of(p, said, q, student)) k.memory().fetch(read);
      double sum = 0;
      for (int r = 0; r < rows.length; r++) sum += divergence(p, said, q, student, r);
      if (dh != null) {
        float scale = temperature / counted;
        k.axpby(-scale, p, scale, q);
        if (uncapped != null) SoftCap.backInPlace(k, uncapped, q);
        k.gemm(MatView.of(q), w, MatView.of(dh), false);
      }
      for (Tensor lent : List.of(student, said, q, p)) ws.release(lent);
      if (uncapped != null) ws.release(uncapped);
      return sum;
    }

    /** Σ_j p_j·(log p_j − log q_j) of a row. */
    private static double divergence(Tensor p, Tensor said, Tensor q, Tensor student, int row) {
      int v = p.cols();
      double teacherLse = logSumExp(p, said, row);
      double studentLse = logSumExp(q, student, row);
      double sum = 0;
      for (int j = row * v; j < (row + 1) * v; j++)
        if (p.get(j) > 0)
          sum += p.get(j) * ((said.get(j) - teacherLse) - (student.get(j) - studentLse));
      return sum;
    }

    /** From the softmax that is there: at the largest logit m it is exp(m − lse). */
    private static double logSumExp(Tensor softmax, Tensor logits, int row) {
      int v = softmax.cols();
      int most = row * v;
      for (int j = most; j < (row + 1) * v; j++) if (logits.get(j) > logits.get(most)) most = j;
      return logits.get(most) - Math.log(softmax.get(most));
    }
  }

  private record Back(Kernels k, Var h, Tensor dh, CrossEntropy.Counted counted)
      implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      k.memory().fetch(dy);
      counted.scatter(k, dy.get(0), dh, grads.of(h));
    }
  }
}
