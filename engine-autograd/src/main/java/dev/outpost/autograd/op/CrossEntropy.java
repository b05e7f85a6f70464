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
import dev.outpost.tensor.weight.HeapWeight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The language-model loss: the mean over counted rows of {@code −log softmax(h·Wᵀ + b)[target]}, in
 * nats. Rows with a negative target are ignored and cost nothing.
 *
 * <p>Logits are V numbers per row, far more than the rest of the network keeps, so they exist only
 * for a chunk of rows at a time. Each chunk's gradient {@code G = (softmax − onehot)/counted} is
 * used at once: {@code dh = G·W, dW += Gᵀ·h, db += Σ_rows G}; backward only multiplies by the
 * upstream gradient and hands the one [V, C] buffer over as the gradient of a trainable W.
 * Computing the logits again in backward would hold it later, but costs a fourth product of N·V·C
 * where three suffice.
 */
public final class CrossEntropy {
  // Each chunk reads the whole head three times and its gradient twice: below some hundred rows
  // that
  // shows. With GPT-2's vocabulary 64 MiB are 333 rows.
  private static final int CHUNK_BYTES = 64 << 20;

  /** Whole register tiles of every kernel: chunks of other sizes pay for rows of zeros. */
  private static final int CHUNK_MULTIPLE = 24;

  private CrossEntropy() {}

  /**
   * Mean loss of h [N, C] through the head w [V, C] against N targets; the result is [1].
   *
   * @param w on the heap or mapped, of any dtype; may be the embedding table
   * @param targets one per row, in {@code 0 … V−1}, or negative to ignore the row
   * @throws ShapeException when the extents do not fit
   * @throws IllegalArgumentException when every target is ignored or one is outside the vocabulary
   */
  public static Var linearCrossEntropy(Tape t, Var h, Var w, int[] targets) {
    return linearCrossEntropy(t, h, w, null, 0, targets);
  }

  /**
   * The same with a bias, and logits bounded as {@link SoftCap} does.
   *
   * @param bias [V], or null
   * @param softCap the bound; 0 for none
   */
  public static Var linearCrossEntropy(
      Tape t, Var h, Var w, @Nullable Var bias, float softCap, int[] targets) {
    return linearCrossEntropy(t, h, w, bias, softCap, targets, chunkRows(w.shape().rows()));
  }

  static Var linearCrossEntropy(
      Tape t, Var h, Var w, @Nullable Var bias, float softCap, int[] targets, int chunkRows) {
    Tensor b = bias == null ? null : bias.value();
    check("linearCrossEntropy", h.shape().cols(), w.view(), b, h.shape().rows(), targets);
    Workspace ws = t.workspace();
    Counted counted = Counted.of(targets);
    int n = counted.atLeastOne("linearCrossEntropy", targets.length);
    Tensor rows = counted.gather(t.kernels(), ws, h.value());
    Tensor dh = t.needsGrad(h) ? t.take(n, h.shape().cols()) : null;
    Tensor dw = t.needsGrad(w) ? t.take(w.shape()) : null;
    Tensor db = bias != null && t.needsGrad(bias) ? t.take(bias.shape()) : null;
    float[] losses = new float[n];
    Chunks chunks =
        new Chunks(t.kernels(), ws, rows, w.view(), b, softCap, counted.targets, chunkRows);
    chunks.run(losses, dh, dw, db);
    if (rows != h.value()) ws.release(rows);
    Tensor loss = t.take(1);
    t.kernels().fill(loss, mean(losses, n));
    List<Tensor> saved = new ArrayList<>(3);
    if (dh != null) saved.add(dh);
    if (dw != null) saved.add(dw);
    if (db != null) saved.add(db);
    Var shift = bias == null ? w : bias;
    Back back = new Back(t.kernels(), h, w, shift, dh, dw, db, counted);
    return t.record("linearCrossEntropy", loss, saved, back, h, w, shift);
  }

  /**
   * Mean loss of ready logits [N, V], for heads small enough to keep them; the result is [1].
   *
   * @throws IllegalArgumentException as {@link #linearCrossEntropy}
   */
  public static Var crossEntropy(Tape t, Var logits, int[] targets) {
    int n = logits.shape().rows();
    checkTargets("crossEntropy", n, logits.shape().cols(), targets);
    int counted = Counted.of(targets).atLeastOne("crossEntropy", n);
    boolean saves = t.needsGrad(logits);
    Tensor g = saves ? t.take(logits.shape()) : t.workspace().take(logits.shape());
    t.kernels().copy(MatView.of(logits.value()), MatView.of(g), false);
    float[] losses = new float[n];
    t.kernels().crossEntropy(g, targets, 1f / counted, losses, saves);
    if (!saves) t.workspace().release(g);
    Tensor loss = t.take(1);
    t.kernels().fill(loss, mean(losses, counted));
    Back back = new Back(t.kernels(), logits, logits, logits, g, null, null, Counted.all(targets));
    return t.record("crossEntropy", loss, List.of(g), back, logits);
  }

  /**
   * Loss of each row in nats, without gradient: for perplexity and answer scoring. Ignored rows are
   * 0. h [N, C], w [V, C].
   *
   * @param bias [V], or null
   * @param softCap as for {@link #linearCrossEntropy}
   */
  public static float[] losses(
      Kernels k,
      Workspace ws,
      Tensor h,
      MatView w,
      @Nullable Tensor bias,
      float softCap,
      int[] targets) {
    check("losses", h.cols(), w, bias, h.rows(), targets);
    Counted counted = Counted.of(targets);
    Tensor rows = counted.gather(k, ws, h);
    float[] losses = new float[counted.targets.length];
    new Chunks(k, ws, rows, w, bias, softCap, counted.targets, chunkRows(w.rows()))
        .run(losses, null, null, null);
    if (rows != h) ws.release(rows);
    if (counted.rows == null) return losses;
    float[] all = new float[targets.length];
    for (int i = 0; i < losses.length; i++) all[counted.rows[i]] = losses[i];
    return all;
  }

  static int chunkRows(int vocabulary) {
    return Math.max(1, CHUNK_BYTES / 4 / Math.max(1, vocabulary));
  }

  /** Rows of each chunk but the last: as few chunks as allowed, about equal, in whole tiles. */
  static int evenly(int n, int chunkRows) {
    int chunks = ceil(n, chunkRows);
    return Math.min(n, ceil(ceil(n, chunks), CHUNK_MULTIPLE) * CHUNK_MULTIPLE);
  }

  private static int ceil(int n, int step) {
    return (n + step - 1) / step;
  }

  private static float mean(float[] losses, int counted) {
    double sum = 0;
    for (float l : losses) sum += l;
    return (float) (sum / counted);
  }

  private static void check(
      String op, int c, MatView w, @Nullable Tensor bias, int n, int[] targets) {
    if (c != w.cols())
      throw new ShapeException(
          op,
          "h has " + c + " columns, the head expects " + w.cols(),
          "h " + n + "x" + c,
          "W " + w);
    if (bias != null && bias.size() != w.rows())
      throw new ShapeException(
          op, "bias must have " + w.rows() + " elements", "b " + bias.shape(), "W " + w);
    checkTargets(op, n, w.rows(), targets);
  }

  private static void checkTargets(String op, int n, int vocabulary, int[] targets) {
    if (targets.length != n)
      throw new ShapeException(op, "one target per row", n + " rows", targets.length + " targets");
    for (int i = 0; i < n; i++) {
      if (targets[i] >= vocabulary)
        throw new IllegalArgumentException(
            "%s: target %d at row %d is outside the vocabulary of %d"
                .formatted(op, targets[i], i, vocabulary));
    }
  }

  /**
   * The rows that count, so that ignored ones are never multiplied.
   *
   * @param rows their indices, or null when all count
   */
  record Counted(int @Nullable [] rows, int[] targets) {
    static Counted of(int[] targets) {
      int[] rows = new int[targets.length];
      int[] kept = new int[targets.length];
      int n = 0;
      for (int i = 0; i < targets.length; i++) {
        if (targets[i] < 0) continue;
        rows[n] = i;
        kept[n++] = targets[i];
      }
      return n == targets.length
          ? all(targets)
          : new Counted(Arrays.copyOf(rows, n), Arrays.copyOf(kept, n));
    }

    static Counted all(int[] targets) {
      return new Counted(null, targets);
    }

    int atLeastOne(String op, int given) {
      if (targets.length > 0) return targets.length;
      throw new IllegalArgumentException(
          op
              + ": all of the "
              + given
              + " targets are ignored (negative), so the mean has no terms; leave this batch out");
    }

    Tensor gather(Kernels k, Workspace ws, Tensor h) {
      if (rows == null) return h;
      Tensor out = ws.take(rows.length, h.cols());
      k.gather(HeapWeight.of(h), rows, out, false);
      return out;
    }

    /** Adds {@code alpha·from} to the rows that count; {@code from} is spent. */
    void scatter(Kernels k, float alpha, Tensor from, Grads.Slot to) {
      if (rows == null) {
        k.axpby(alpha, from, to.beta(), to.tensor());
        return;
      }
      if (!to.accumulate()) k.fill(to.tensor(), 0);
      if (alpha != 1) k.axpby(0, from, alpha, from);
      k.scatterAdd(from, rows, to.tensor());
    }
  }

  /** One pass over all rows, a chunk of logits at a time. */
  private record Chunks(
      Kernels k,
      Workspace ws,
      Tensor h,
      MatView w,
      @Nullable Tensor bias,
      float cap,
      int[] targets,
      int chunkRows) {
    void run(float[] losses, @Nullable Tensor dh, @Nullable Tensor dw, @Nullable Tensor db) {
      int n = targets.length;
      if (n == 0) return;
      int step = evenly(n, chunkRows);
      boolean gradient = dh != null || dw != null || db != null;
      Tensor buffer = ws.take(step, w.rows());
      Tensor scaled = cap == 0 ? null : ws.take(step, w.rows());
      float[] chunkLosses = new float[step];
      for (int from = 0; from < n; from += step) {
        int to = Math.min(n, from + step);
        MatView rows = MatView.of(h.slice(from, to));
        Tensor logits = buffer.slice(0, to - from);
        MatView g = MatView.of(logits);
        k.gemm(rows, w.t(), g, false);
        if (bias != null) k.addBias(logits, bias, logits);
        Tensor uncapped = scaled == null ? null : scaled.slice(0, to - from);
        if (uncapped != null) SoftCap.inPlace(k, logits, uncapped, cap);
        int[] chunkTargets = Arrays.copyOfRange(targets, from, to);
        k.crossEntropy(logits, chunkTargets, 1f / n, chunkLosses, gradient);
        System.arraycopy(chunkLosses, 0, losses, from, to - from);
        if (uncapped != null && gradient) SoftCap.backInPlace(k, uncapped, logits);
        if (dh != null) k.gemm(g, w, MatView.of(dh.slice(from, to)), false);
        if (dw != null) k.gemm(g.t(), rows, MatView.of(dw), from > 0);
        if (db != null) k.sumRows(logits, db, from > 0);
      }
      ws.release(buffer);
      if (scaled != null) ws.release(scaled);
    }
  }

  private record Back(
      Kernels k,
      Var h,
      Var w,
      Var bias,
      @Nullable Tensor dh,
      @Nullable Tensor dw,
      @Nullable Tensor db,
      Counted counted)
      implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      k.memory().fetch(dy);
      float d = dy.get(0);
      if (dh != null) counted.scatter(k, d, dh, grads.of(h));
      if (dw != null) {
        if (d != 1) k.axpby(0, dw, d, dw);
        grads.give(w, dw);
      }
      if (db != null) {
        Grads.Slot slot = grads.of(bias);
        k.axpby(d, db, slot.beta(), slot.tensor());
      }
    }
  }
}
