package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.all;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.Team;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The matrix product for the few rows of decoding. Each number of b is used once per row, so
 * reading b is all the cost and packing would double it: b is read in place, in its own order.
 */
final class ThinGemm {
  /** Rows up to which packing does not pay. */
  static final int MAX_ROWS = 8;

  private static final int COLUMNS = 512;

  /** Floats in two cache lines, which are fetched together. */
  private static final int APART = 32;

  private final Team team;
  private final Scratch scratch;

  ThinGemm(Team team, Scratch scratch) {
    this.team = team;
    this.scratch = scratch;
  }

  /** Whether b's layout is one of the two that can be read in place. */
  static boolean suits(MatView a, MatView b) {
    return a.rows() <= MAX_ROWS && (b.rowStride() == 1 || b.colStride() == 1);
  }

  void multiply(MatView a, MatView b, MatView c, boolean accumulate) {
    int k = a.cols();
    float[] rows = scratch.take(a.rows() * k);
    for (int i = 0; i < a.rows(); i++) for (int p = 0; p < k; p++) rows[i * k + p] = a.at(i, p);
    long work = (long) b.rows() * b.cols();
    if (b.colStride() == 1) {
      int tasks = (c.cols() + COLUMNS - 1) / COLUMNS;
      Split.tasks(team, work, tasks, t -> byRows(rows, b, c, t * COLUMNS, accumulate));
    } else if (a.rows() == 1 && !b.onHeap() && inBlocks(b)) {
      if (b.dtype() == DType.Q4_0) QuantDots.prepared(rows, k);
      int step = step(k);
      int tasks = (c.cols() + step - 1) / step;
      Split.tasks(team, work, tasks, t -> dots(rows, b, c, t * step, step, accumulate));
    } else {
      // Four dot products at a time; enough of them that a task is worth handing out.
      int step = step(k);
      int tasks = (c.cols() + step - 1) / step;
      Split.tasks(team, work, tasks, t -> byColumns(rows, b, c, t * step, step, accumulate));
    }
    scratch.give(rows);
  }

  private static int step(int k) {
    return Math.max(4, (1 << 15) / Math.max(1, k) & -4);
  }

  /** Whether each column of b is whole blocks of its type. */
  private static boolean inBlocks(MatView b) {
    return b.rowStride() == 1
        && ((b.offset() | b.colStride() | b.rows()) & b.dtype().blockSize() - 1) == 0;
  }

  /** One row of a, b's columns contiguous in native memory: decoded on the way. */
  private void dots(float[] a, MatView b, MatView c, int j, int step, boolean accumulate) {
    int n = Math.min(step, c.cols() - j);
    int k = b.rows();
    long at = b.offset() + (long) j * b.colStride();
    // Away from the array's ends: a neighbour in memory may be a, or the other thread's sums, and a
    // line that one thread writes row by row is lost to the others each time.
    float[] sums = scratch.take(n + 2 * APART);
    SegmentDots.rows(b.segment(), b.dtype(), at, b.colStride(), n, a, k, sums, APART);
    int to = (int) c.offset() + j;
    if (accumulate) for (int i = 0; i < n; i++) c.data()[to + i] += sums[APART + i];
    else System.arraycopy(sums, APART, c.data(), to, n);
    scratch.give(sums);
  }

  /**
   * b's rows are contiguous: c's columns {@code [j, j+COLUMNS)} gather four rows of b at a time.
   */
  private void byRows(float[] a, MatView b, MatView c, int j, boolean accumulate) {
    int n = Math.min(COLUMNS, c.cols() - j);
    int k = b.rows();
    int m = c.rows();
    int co = (int) c.offset() + j;
    if (!accumulate)
      for (int i = 0; i < m; i++)
        Arrays.fill(c.data(), co + i * c.rowStride(), co + i * c.rowStride() + n, 0);
    float[] decoded = b.onHeap() ? null : scratch.take(4 * COLUMNS);
    for (int p = 0; p < k; p += 4) {
      int depth = Math.min(4, k - p);
      long at = b.offset() + (long) p * b.rowStride() + j;
      float[] src = decoded != null ? decoded : b.data();
      int from = decoded != null ? 0 : (int) at;
      int ld = decoded != null ? COLUMNS : b.rowStride();
      if (decoded != null)
        Decode.rows(b.segment(), b.dtype(), at, b.rowStride(), depth, n, decoded, 0, COLUMNS);
      for (int i = 0; i < m; i++) {
        int ci = co + i * c.rowStride();
        int ai = i * k + p;
        if (depth == 4) axpy4(a, ai, src, from, ld, n, c.data(), ci);
        else for (int q = 0; q < depth; q++) axpy(a[ai + q], src, from + q * ld, n, c.data(), ci);
      }
    }
    if (decoded != null) scratch.give(decoded);
  }

  /** {@code c += Σ a[ai + q]·b[row q]} for four rows of b. */
  static void axpy4(float[] a, int ai, float[] b, int bo, int ld, int n, float[] c, int co) {
    float a0 = a[ai];
    float a1 = a[ai + 1];
    float a2 = a[ai + 2];
    float a3 = a[ai + 3];
    int b1 = bo + ld;
    int b2 = b1 + ld;
    int b3 = b2 + ld;
    int j = 0;
    for (; j < Lanes.bound(n); j += VL) {
      FloatVector s = load(c, co + j);
      s = all(a0).fma(load(b, bo + j), s);
      s = all(a1).fma(load(b, b1 + j), s);
      s = all(a2).fma(load(b, b2 + j), s);
      s = all(a3).fma(load(b, b3 + j), s);
      s.intoArray(c, co + j);
    }
    for (; j < n; j++) {
      float s = Math.fma(a0, b[bo + j], c[co + j]);
      s = Math.fma(a1, b[b1 + j], s);
      s = Math.fma(a2, b[b2 + j], s);
      c[co + j] = Math.fma(a3, b[b3 + j], s);
    }
  }

  /** {@code y += alpha·x}. */
  static void axpy(float alpha, float[] x, int xo, int n, float[] y, int yo) {
    int j = 0;
    FloatVector va = all(alpha);
    for (; j < Lanes.bound(n); j += VL)
      va.fma(load(x, xo + j), load(y, yo + j)).intoArray(y, yo + j);
    for (; j < n; j++) y[yo + j] = Math.fma(alpha, x[xo + j], y[yo + j]);
  }

  /** b's columns are contiguous: four dot products at a time share the loads of a. */
  private void byColumns(float[] a, MatView b, MatView c, int j0, int step, boolean accumulate) {
    int to = Math.min(c.cols(), j0 + step);
    int k = b.rows();
    float[] sums = scratch.take(4);
    float[] decoded = b.onHeap() ? null : scratch.take(4 * k);
    for (int j = j0; j < to; j += 4) {
      int n = Math.min(4, to - j);
      long at = b.offset() + (long) j * b.colStride();
      float[] src = decoded != null ? decoded : b.data();
      int from = decoded != null ? 0 : (int) at;
      int ld = decoded != null ? k : b.colStride();
      if (decoded != null)
        Decode.rows(b.segment(), b.dtype(), at, b.colStride(), n, k, decoded, 0, k);
      for (int i = 0; i < c.rows(); i++) {
        if (n == 4) dot4(a, i * k, src, from, ld, k, sums, 0);
        else for (int q = 0; q < n; q++) sums[q] = dot(a, i * k, src, from + q * ld, k);
        int ci = (int) c.offset() + i * c.rowStride() + j;
        for (int q = 0; q < n; q++)
          c.data()[ci + q] = accumulate ? c.data()[ci + q] + sums[q] : sums[q];
      }
    }
    if (decoded != null) scratch.give(decoded);
    scratch.give(sums);
  }

  /** Dot products of one run of a with four of b, ld apart. */
  static void dot4(float[] a, int ao, float[] b, int bo, int ld, int k, float[] sums, int so) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    FloatVector s3 = FloatVector.zero(F);
    int b1 = bo + ld;
    int b2 = b1 + ld;
    int b3 = b2 + ld;
    int p = 0;
    for (; p < Lanes.bound(k); p += VL) {
      FloatVector x = load(a, ao + p);
      s0 = x.fma(load(b, bo + p), s0);
      s1 = x.fma(load(b, b1 + p), s1);
      s2 = x.fma(load(b, b2 + p), s2);
      s3 = x.fma(load(b, b3 + p), s3);
    }
    float t0 = Lanes.sum(s0);
    float t1 = Lanes.sum(s1);
    float t2 = Lanes.sum(s2);
    float t3 = Lanes.sum(s3);
    for (; p < k; p++) {
      float x = a[ao + p];
      t0 = Math.fma(x, b[bo + p], t0);
      t1 = Math.fma(x, b[b1 + p], t1);
      t2 = Math.fma(x, b[b2 + p], t2);
      t3 = Math.fma(x, b[b3 + p], t3);
    }
    sums[so] = t0;
    sums[so + 1] = t1;
    sums[so + 2] = t2;
    sums[so + 3] = t3;
  }

  /** {@code Σ a·b} of two runs; the same bits as one of {@link #dot4}'s. */
  static float dot(float[] a, int ao, float[] b, int bo, int n) {
    FloatVector s = FloatVector.zero(F);
    int p = 0;
    for (; p < Lanes.bound(n); p += VL) s = load(a, ao + p).fma(load(b, bo + p), s);
    float t = Lanes.sum(s);
    for (; p < n; p++) t = Math.fma(a[ao + p], b[bo + p], t);
    return t;
  }
}
