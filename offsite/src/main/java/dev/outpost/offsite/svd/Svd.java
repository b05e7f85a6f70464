package dev.outpost.offsite.svd;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.random.RandomStream;
import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/**
 * The largest singular values of a matrix and their vectors: {@code W ≈ Uᵀ·diag(σ)·V}. Equal bits
 * on any number of threads.
 *
 * @param u [r, m], left singular vectors in rows
 * @param values r of them, falling
 * @param v [r, n], right singular vectors in rows
 */
public record Svd(Tensor u, double[] values, Tensor v) {
  /** Rows of the sketch beyond the rank sought. */
  private static final int OVERSAMPLING = 16;

  /**
   * Times the sketch is multiplied by W·Wᵀ. The error of 4 is within about 1 % of the least
   * possible on a flat spectrum, where this matters most.
   */
  private static final int ITERATIONS = 4;

  /**
   * From this share of the full rank on a sketch saves little, and on a spectrum that falls slowly
   * its error is a few percent above the least.
   */
  private static final double NEAR_FULL = 0.75;

  /** Singular vectors and values, largest first. */
  public Svd {
    if (u.rows() != values.length || v.rows() != values.length)
      throw new IllegalArgumentException(
          "svd: " + values.length + " values, but vectors " + u.shape() + " and " + v.shape());
  }

  /** r. */
  public int rank() {
    return values.length;
  }

  /**
   * The {@code rank} largest: by a randomised range finder (Halko, Martinsson and Tropp 2011,
   * algorithms 4.4 and 5.1) where that is less work, otherwise of the whole matrix.
   *
   * @param w [m, n] with rank ≤ min(m, n)
   * @param name names the random stream
   */
  public static Svd largest(Tensor w, int rank, Kernels k, long seed, String name) {
    int full = Math.min(w.rows(), w.cols());
    if (rank < 1 || rank > full)
      throw new IllegalArgumentException(
          "svd: rank must be from 1 to " + full + " for " + w.shape() + ", got " + rank);
    finite(w, k, name);
    Svd found = isSketched(rank, full) ? sketched(w, sketch(rank), k, seed, name) : all(w, k);
    return found.first(rank);
  }

  /**
   * The fewest largest whose squares are at least {@code share} of the sum of all squares.
   *
   * @param share in (0, 1]
   */
  public static Svd energy(Tensor w, double share, Kernels k, long seed, String name) {
    if (!(share > 0 && share <= 1))
      throw new IllegalArgumentException("svd: share must be in (0, 1], got " + share);
    int full = Math.min(w.rows(), w.cols());
    double wanted = share * finite(w, k, name);
    // A sketch's last values are the least exact: those beyond the rank it was made for are left.
    for (int rank = Math.max(OVERSAMPLING, full / 8);
        share < 1 && isSketched(rank, full);
        rank *= 2) {
      Svd found = sketched(w, sketch(rank), k, seed, name).first(rank);
      int enough = found.enough(wanted);
      if (enough <= rank) return found.first(enough);
    }
    Svd all = all(w, k);
    return all.first(Math.min(full, all.enough(wanted)));
  }

  /**
   * Of a product that is known by its factors, {@code W = leftᵀ·right}, without forming it: exact
   * but for rounding.
   *
   * @param left [R, m]
   * @param right [R, n]
   * @return min(R, m, n) values and vectors
   */
  public static Svd ofProduct(Tensor left, Tensor right, Kernels k) {
    if (left.rows() != right.rows())
      throw new IllegalArgumentException(
          "svd: factors " + left.shape() + " and " + right.shape() + " have different rows");
    if (left.rows() > Math.min(left.cols(), right.cols()))
      return byEjml(product(transposed(left), MatView.of(right), k));
    Orthonormal l = Orthonormal.of(Tensor.of(left.shape(), left.toArray()), k);
    Orthonormal r = Orthonormal.of(Tensor.of(right.shape(), right.toArray()), k);
    Svd small = byEjml(product(transposed(l.lower()), MatView.of(r.lower()), k));
    return new Svd(
        product(small.u, MatView.of(l.q()), k),
        small.values,
        product(small.v, MatView.of(r.q()), k));
  }

  private static Tensor transposed(Tensor t) {
    Tensor out = Tensor.zeros(t.cols(), t.rows());
    for (int i = 0; i < t.rows(); i++)
      for (int j = 0; j < t.cols(); j++) out.data()[j * t.rows() + i] = t.get(i * t.cols() + j);
    return out;
  }

  /** Σ w². */
  private static double finite(Tensor w, Kernels k, String name) {
    double sum = k.sumSquares(w);
    for (int i = 0; !Double.isFinite(sum) && i < w.size(); i++)
      if (!Float.isFinite(w.get(i)))
        throw new IllegalArgumentException(
            "svd: " + name + " holds " + w.get(i) + "; a model's numbers must be finite");
    return sum;
  }

  /** How many values it takes to this sum of squares; one more than there are where none do. */
  private int enough(double wanted) {
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      sum += values[i] * values[i];
      if (sum >= wanted) return i + 1;
    }
    return values.length + 1;
  }

  /** Whether {@link #largest} makes do with a sketch for this rank of a full one. */
  public static boolean isSketched(int rank, int full) {
    return sketch(rank) < NEAR_FULL * full;
  }

  private static int sketch(int rank) {
    return (rank + 2 * OVERSAMPLING - 1) / OVERSAMPLING * OVERSAMPLING;
  }

  /** All of them: of {@code W = L·Q} those of L. */
  private static Svd all(Tensor w, Kernels k) {
    if (w.rows() > w.cols()) {
      Svd turned = all(transposed(w), k);
      return new Svd(turned.v, turned.values, turned.u);
    }
    Orthonormal rows = Orthonormal.of(Tensor.of(w.shape(), w.toArray()), k);
    Svd small = ofLower(rows.lower(), k);
    return new Svd(small.u, small.values, product(small.v, MatView.of(rows.q()), k));
  }

  private static Svd sketched(Tensor w, int l, Kernels k, long seed, String name) {
    int n = w.cols();
    MatView wv = MatView.of(w);
    Tensor left = product(gaussian(l, n, RandomStream.of(seed, "svd." + name)), wv.t(), k);
    Tensor q = Orthonormal.of(left, k).q();
    for (int i = 0; i < ITERATIONS; i++) {
      Tensor right = Orthonormal.of(product(q, wv, k), k).q();
      q = Orthonormal.of(product(right, wv.t(), k), k).q();
    }
    // W ≈ Qᵀ·(Q·W) = Qᵀ·L·P with orthonormal rows P; what is left is the small L.
    Orthonormal rest = Orthonormal.of(product(q, wv, k), k);
    Svd small = ofLower(rest.lower(), k);
    return new Svd(
        product(small.u, MatView.of(q), k),
        small.values,
        product(small.v, MatView.of(rest.q()), k));
  }

  /**
   * All of a lower triangular matrix, by the eigenvectors of {@code L·Lᵀ} in f64: half the work of
   * {@link #byEjml}. Squaring costs half the digits of f64, which leaves those of f32.
   */
  static Svd ofLower(Tensor lower, Kernels k) {
    int l = lower.rows();
    EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(l, true, true);
    if (!eigen.decompose(squared(lower, k.team()))) return byEjml(lower);
    double[] squares = new double[l];
    for (int i = 0; i < l; i++) squares[i] = eigen.getEigenvalue(i).getReal();
    Integer[] order = falling(squares);
    double[] values = new double[l];
    Tensor u = Tensor.zeros(l, l);
    for (int i = 0; i < l; i++) {
      values[i] = Math.sqrt(Math.max(0, squares[order[i]]));
      double[] vector = eigen.getEigenVector(order[i]).data;
      for (int j = 0; j < l; j++) u.data()[i * l + j] = (float) vector[j];
    }
    // The rows of U·L are σ·V. Dividing would spoil those whose σ is rounding; this does not.
    Orthonormal v = Orthonormal.of(product(u, MatView.of(lower), k), k);
    for (int i = 0; i < l; i++)
      if (v.lower().get(i * l + i) < 0) for (int j = 0; j < l; j++) v.q().data()[i * l + j] *= -1;
    return new Svd(u, values, v.q());
  }

  /** L·Lᵀ in f64, sums in a fixed order. */
  private static DMatrixRMaj squared(Tensor lower, Team team) {
    int l = lower.rows();
    double[] columns = new double[l * l];
    for (int i = 0; i < l; i++)
      for (int j = 0; j <= i; j++) columns[j * l + i] = lower.get(i * l + j);
    double[] out = new double[l * l];
    team.forEach(
        l,
        task -> {
          int i = l - 1 - task; // the long rows first
          for (int p = 0; p <= i; p++) {
            double x = columns[p * l + i];
            for (int j = p; j <= i; j++) out[i * l + j] += x * columns[p * l + j];
          }
        });
    for (int i = 0; i < l; i++) for (int j = 0; j < i; j++) out[j * l + i] = out[i * l + j];
    return DMatrixRMaj.wrap(l, l, out);
  }

  private static Integer[] falling(double[] values) {
    Integer[] order = new Integer[values.length];
    for (int i = 0; i < order.length; i++) order[i] = i;
    Arrays.sort(order, (i, j) -> Double.compare(values[j], values[i]));
    return order;
  }

  private static Tensor product(Tensor a, MatView b, Kernels k) {
    Tensor c = Tensor.zeros(a.rows(), b.cols());
    k.gemm(MatView.of(a), b, MatView.of(c), false);
    return c;
  }

  private static Tensor gaussian(int rows, int cols, RandomStream stream) {
    Tensor t = Tensor.zeros(rows, cols);
    for (int i = 0; i < t.size(); i++) t.data()[i] = (float) stream.nextGaussian();
    return t;
  }

  /** All of them, by ejml in f64: the slowest way, and the most exact. */
  public static Svd byEjml(Tensor w) {
    DMatrixRMaj a = new DMatrixRMaj(w.rows(), w.cols());
    for (int i = 0; i < w.size(); i++) a.data[i] = w.get(i);
    SingularValueDecomposition_F64<DMatrixRMaj> svd =
        DecompositionFactory_DDRM.svd(w.rows(), w.cols(), true, true, true);
    if (!svd.decompose(a))
      throw new IllegalArgumentException(
          "svd: does not converge for a matrix " + w.shape() + "; use another rank");
    int r = Math.min(w.rows(), w.cols());
    DMatrixRMaj ut = svd.getU(null, true);
    DMatrixRMaj vt = svd.getV(null, true);
    double[] values = svd.getSingularValues();
    Integer[] order = falling(values);
    double[] sorted = new double[r];
    for (int i = 0; i < r; i++) sorted[i] = values[order[i]];
    return new Svd(rows(ut, order, w.rows()), sorted, rows(vt, order, w.cols()));
  }

  private static Tensor rows(DMatrixRMaj from, Integer[] order, int cols) {
    Tensor t = Tensor.zeros(order.length, cols);
    for (int i = 0; i < order.length; i++)
      for (int j = 0; j < cols; j++) t.data()[i * cols + j] = (float) from.get(order[i], j);
    return t;
  }

  /** The first {@code rank} of these, copied nothing. */
  public Svd first(int rank) {
    return rank == values.length
        ? this
        : new Svd(u.slice(0, rank), Arrays.copyOf(values, rank), v.slice(0, rank));
  }

  /** Σ σ² of these. */
  public double energy() {
    double sum = 0;
    for (double x : values) sum += x * x;
    return sum;
  }

  /** The vectors of one side times √σ: two of these make the matrix. */
  private Tensor halved(Tensor side) {
    Tensor t = Tensor.zeros(side.rows(), side.cols());
    for (int i = 0; i < side.rows(); i++) {
      float s = (float) Math.sqrt(values[i]);
      for (int j = 0; j < side.cols(); j++)
        t.data()[i * side.cols() + j] = s * side.get(i * side.cols() + j);
    }
    return t;
  }

  /** {@code √σ·U} [r, m]: what the result of {@link #right} is multiplied by. */
  public Tensor left() {
    return halved(u);
  }

  /** {@code √σ·V} [r, n]. */
  public Tensor right() {
    return halved(v);
  }

  /** The matrix of these values alone, [m, n]: of all of that rank the nearest (Eckart, Young). */
  public Tensor matrix(Kernels k) {
    Tensor w = Tensor.zeros(u.cols(), v.cols());
    k.gemm(MatView.of(left()).t(), MatView.of(right()), MatView.of(w), false);
    return w;
  }
}
