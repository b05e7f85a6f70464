package dev.outpost.offsite.report;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Linear centred kernel alignment (Kornblith et al. 2019, eq. 5 with a linear kernel): how alike
 * two representations X [n, p] and Y [n, q] of the same n rows are, {@code ‖YᵀX‖² / (‖XᵀX‖·‖YᵀY‖)}
 * of the centred columns, in Frobenius norms. 1 for equal up to rotation, shift and one factor; 0
 * for uncorrelated.
 *
 * <p>Rows may come in any number of batches: what is held are p·p numbers per representation and
 * p·q per pair, in f64. Columns are shifted by the first batch's means before they are multiplied,
 * so that a large common offset, which language models' hidden states have, costs no digits.
 *
 * <p>Not thread-safe.
 */
public final class LinearCka {
  /** Two representations to compare, by their position in what {@link #add} is given. */
  public record Pair(int first, int second) {
    public Pair {
      if (first < 0 || second < 0)
        throw new IllegalArgumentException("cka: positions must not be negative");
    }
  }

  private final Kernels kernels;
  private final List<Pair> pairs;
  private final int states;
  private final float[][] shift;
  private final double[][] sums;
  private final double[][] own;
  private final double[][] cross;
  private long rows;

  private LinearCka(Kernels kernels, List<Pair> pairs) {
    this.kernels = kernels;
    this.pairs = List.copyOf(pairs);
    int most = 0;
    for (Pair p : pairs) most = Math.max(most, 1 + Math.max(p.first, p.second));
    this.states = most;
    this.shift = new float[most][];
    this.sums = new double[most][];
    this.own = new double[most][];
    this.cross = new double[pairs.size()][];
  }

  /** Will compare these pairs. */
  public static LinearCka of(Kernels kernels, List<Pair> pairs) {
    return new LinearCka(kernels, pairs);
  }

  /** Will compare each of {@code n} representations with the one after it. */
  public static LinearCka adjacent(Kernels kernels, int n) {
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i + 1 < n; i++) pairs.add(new Pair(i, i + 1));
    return of(kernels, pairs);
  }

  /** Compares two at once: x [n, p], y [n, q]. */
  public static double of(Kernels kernels, Tensor x, Tensor y) {
    LinearCka cka = of(kernels, List.of(new Pair(0, 1)));
    cka.add(List.of(x, y));
    return cka.value(0);
  }

  /**
   * Adds a batch of rows.
   *
   * @param batch each representation of the same rows, [n, its width]; read only during this call
   */
  public void add(List<Tensor> batch) {
    if (batch.size() < states)
      throw new IllegalArgumentException(
          "cka: compares " + states + " representations, got " + batch.size());
    int n = batch.getFirst().rows();
    if (n == 0) return;
    Set<Integer> used = new HashSet<>();
    for (Pair p : pairs) used.addAll(List.of(p.first, p.second));
    Tensor[] centred = new Tensor[states];
    for (int s : used) {
      if (batch.get(s).rows() != n)
        throw new IllegalArgumentException(
            "cka: representation " + s + " has " + batch.get(s).rows() + " rows, the first " + n);
      centred[s] = centred(s, batch.get(s));
      own[s] = plus(own[s], centred[s], centred[s]);
    }
    for (int i = 0; i < cross.length; i++)
      cross[i] = plus(cross[i], centred[pairs.get(i).first], centred[pairs.get(i).second]);
    rows += n;
  }

  /** A copy without the shift, its column sums added. */
  private Tensor centred(int s, Tensor x) {
    int c = x.cols();
    if (sums[s] == null) {
      sums[s] = new double[c];
      double[] mean = new double[c];
      for (int i = 0; i < x.size(); i++) mean[i % c] += x.get(i);
      shift[s] = new float[c];
      for (int j = 0; j < c; j++) shift[s][j] = (float) (mean[j] / x.rows());
    }
    if (sums[s].length != c)
      throw new IllegalArgumentException(
          "cka: representation " + s + " has " + c + " columns, had " + sums[s].length);
    Tensor y = Tensor.zeros(x.rows(), c);
    for (int i = 0; i < y.size(); i++) {
      float v = x.get(i) - shift[s][i % c];
      y.data()[i] = v;
      sums[s][i % c] += v;
    }
    return y;
  }

  private double[] plus(double @Nullable [] held, Tensor x, Tensor y) {
    Tensor product = Tensor.zeros(x.cols(), y.cols());
    kernels.gemm(MatView.of(x).t(), MatView.of(y), MatView.of(product), false);
    double[] sum = held == null ? new double[product.size()] : held;
    for (int i = 0; i < sum.length; i++) sum[i] += product.get(i);
    return sum;
  }

  /**
   * The alignment of pair {@code i} over all rows so far, from 0 to 1; NaN where a representation
   * is the same for every row.
   */
  public double value(int i) {
    if (rows < 2) throw new IllegalStateException("cka: needs at least two rows, got " + rows);
    Pair p = pairs.get(i);
    double xy = square(cross[i], sums[p.first], sums[p.second]);
    double xx = square(own[p.first], sums[p.first], sums[p.first]);
    double yy = square(own[p.second], sums[p.second], sums[p.second]);
    return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : Double.NaN;
  }

  /** All pairs' alignments, in their order. */
  public double[] values() {
    double[] all = new double[pairs.size()];
    for (int i = 0; i < all.length; i++) all[i] = value(i);
    return all;
  }

  /** ‖XᵀY − n·x̄·ȳᵀ‖². */
  private double square(double[] products, double[] x, double[] y) {
    double sum = 0;
    for (int a = 0; a < x.length; a++)
      for (int b = 0; b < y.length; b++) {
        double v = products[a * y.length + b] - x[a] * y[b] / rows;
        sum += v * v;
      }
    return sum;
  }
}
