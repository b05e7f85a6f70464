package dev.outpost.offsite.svd;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import java.util.ArrayList;
import java.util.List;

/**
 * Orthonormal rows that span the rows of a matrix: {@code Y = L·Q} by Householder reflections, in
 * panels whose effect on the rest is two matrix products (compact WY: Schreiber and Van Loan 1989).
 * Holds for every Y, dependent and zero rows included, where the rows of Q go on beyond Y's.
 *
 * @param q [l, m], orthonormal rows
 * @param lower [l, l], L
 */
record Orthonormal(Tensor q, Tensor lower) {
  private static final int PANEL = 32;

  /** Of y [l, m], l ≤ m, which is used up. */
  static Orthonormal of(Tensor y, Kernels k) {
    int l = y.rows();
    int m = y.cols();
    if (l > m) throw new IllegalArgumentException("orthonormal: " + l + " rows of " + m);
    Tensor lower = Tensor.zeros(l, l);
    List<Panel> panels = new ArrayList<>();
    for (int from = 0; from < l; from += PANEL) {
      int to = Math.min(l, from + PANEL);
      Panel p = Panel.of(y, from, to, k);
      panels.add(p);
      if (to < l) p.apply(y.slice(to, l), from, false, k);
    }
    for (int i = 0; i < l; i++)
      System.arraycopy(y.data(), y.offset() + i * m, lower.data(), i * l, i + 1);
    Tensor q = Tensor.zeros(l, m);
    for (int i = 0; i < l; i++) q.data()[i * m + i] = 1;
    for (Panel p : panels.reversed()) p.apply(q.slice(p.from, l), p.from, true, k);
    return new Orthonormal(q, lower);
  }

  /**
   * Reflections of some rows: {@code H = I − Vᵀ·T·V} acts on columns from {@code from} on.
   *
   * @param from first row, and first column that is changed
   * @param v [b, m − from], unit lower part of the reflections: row j is 0 before column j, 1 there
   * @param t [b, b], upper triangular
   */
  private record Panel(int from, Tensor v, Tensor t) {
    /** Reflects rows {@code from … to} of y, leaving L's numbers in them. */
    static Panel of(Tensor y, int from, int to, Kernels k) {
      int b = to - from;
      int m = y.cols();
      int w = m - from;
      Tensor v = Tensor.zeros(b, w);
      float[] vs = v.data();
      double[] beta = new double[b];
      for (int j = 0; j < b; j++) {
        int row = y.offset() + (from + j) * m + from;
        for (int i = 0; i < j; i++) reflect(vs, i * w, y.data(), row, i, w, beta[i]);
        beta[j] = reflection(y.data(), row, vs, j * w, j, w);
      }
      return new Panel(from, v, triangle(v, beta, k));
    }

    /**
     * The reflection that takes x[j …] to a multiple of the first axis, which it leaves in x[j]:
     * the one of two that no cancellation spoils.
     *
     * @return β of {@code I − β·v·vᵀ}, v[j] = 1; 0 where nothing is to be done
     */
    private static double reflection(float[] x, int at, float[] v, int to, int j, int w) {
      double tail = Dot.of(x, at + j + 1, x, at + j + 1, w - j - 1);
      v[to + j] = 1;
      if (tail == 0) return 0;
      double head = x[at + j];
      double norm = Math.sqrt(head * head + tail);
      double pivot = head + Math.copySign(norm, head);
      for (int i = j + 1; i < w; i++) {
        v[to + i] = (float) (x[at + i] / pivot);
        x[at + i] = 0;
      }
      x[at + j] = (float) -Math.copySign(norm, head);
      return 2 / (1 + Dot.of(v, to + j + 1, v, to + j + 1, w - j - 1));
    }

    private static void reflect(float[] v, int of, float[] x, int at, int j, int w, double beta) {
      if (beta == 0) return;
      float s = (float) (-beta * Dot.of(v, of + j, x, at + j, w - j));
      for (int i = j; i < w; i++) x[at + i] += s * v[of + i];
    }

    /** T of {@code H_0·H_1 … = I − Vᵀ·T·V}, column by column. */
    private static Tensor triangle(Tensor v, double[] beta, Kernels k) {
      int b = beta.length;
      Tensor dots = Tensor.zeros(b, b);
      k.gemm(MatView.of(v), MatView.of(v).t(), MatView.of(dots), false);
      double[] t = new double[b * b];
      for (int j = 0; j < b; j++) {
        t[j * b + j] = beta[j];
        for (int i = 0; i < j; i++) {
          double sum = 0;
          for (int p = i; p < j; p++) sum += t[i * b + p] * dots.data()[p * b + j];
          t[i * b + j] = -beta[j] * sum;
        }
      }
      Tensor out = Tensor.zeros(b, b);
      for (int i = 0; i < t.length; i++) out.data()[i] = (float) t[i];
      return out;
    }

    /**
     * {@code rows ← rows·H}, or with {@code back} {@code rows·Hᵀ}: the reflections in the other
     * order.
     */
    void apply(Tensor rows, int column, boolean back, Kernels k) {
      int n = rows.rows();
      int b = v.rows();
      MatView part = MatView.of(rows).cols(column, rows.cols());
      Tensor c = Tensor.zeros(n, b);
      k.gemm(part, MatView.of(v).t(), MatView.of(c), false);
      Tensor ct = Tensor.zeros(n, b);
      MatView tv = MatView.of(t);
      k.gemm(MatView.of(c), back ? tv.t() : tv, MatView.of(ct), false);
      k.axpby(0, ct, -1, ct);
      k.gemm(MatView.of(ct), MatView.of(v), part, true);
    }
  }
}
