package dev.outpost.offsite.svd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.TinyModels;
import java.util.function.IntToDoubleFunction;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against the decomposition of the whole matrix in f64, by ejml. */
class SvdTest {
  private static final Kernels KERNELS = TinyModels.best();

  private static Tensor gaussian(int rows, int cols, String name) {
    RandomStream stream = RandomStream.of(11, name);
    Tensor t = Tensor.zeros(rows, cols);
    for (int i = 0; i < t.size(); i++) t.data()[i] = (float) stream.nextGaussian();
    return t;
  }

  private static Tensor product(Tensor a, Tensor b) {
    Tensor c = Tensor.zeros(a.rows(), b.cols());
    Kernels.scalar().gemm(MatView.of(a), MatView.of(b), MatView.of(c), false);
    return c;
  }

  private static Tensor scaled(Tensor t, float factor) {
    for (int i = 0; i < t.size(); i++) t.data()[i] *= factor;
    return t;
  }

  private static Tensor diagonal(IntToDoubleFunction values, int n) {
    Tensor t = Tensor.zeros(n, n);
    for (int i = 0; i < n; i++) t.data()[i * n + i] = (float) values.applyAsDouble(i);
    return t;
  }

  /** Orthonormal rows. */
  private static Tensor rotation(int m, int n) {
    return Orthonormal.of(gaussian(m, n, "rotation"), Kernels.scalar()).q();
  }

  /** A matrix of a kind. */
  private static Tensor matrix(String kind, int m, int n) {
    return switch (kind) {
      case "flat" -> gaussian(m, n, "flat");
      case "steep" -> {
        Tensor a = gaussian(m, n, "left");
        for (int i = 0; i < m; i++)
          for (int j = 0; j < n; j++)
            a.data()[i * n + j] *= (float) (Math.pow(0.8, i) + Math.pow(0.7, j));
        yield a;
      }
      case "deficient" -> product(gaussian(m, 5, "a"), gaussian(5, n, "b"));
      case "zero" -> Tensor.zeros(m, n);
      case "root" -> {
        Tensor t = product(diagonal(i -> 1 / Math.sqrt(i + 1.0), m), rotation(m, n));
        yield product(rotation(m, m), t);
      }
      case "tiny" -> scaled(gaussian(m, n, "tiny"), 1e-18f);
      case "huge" -> scaled(gaussian(m, n, "huge"), 1e30f);
      case "huge, steep" -> scaled(matrix("steep", m, n), 1e30f);
      default -> throw new AssertionError(kind);
    };
  }

  private static double[] values(Tensor w) {
    DMatrixRMaj a = new DMatrixRMaj(w.rows(), w.cols());
    for (int i = 0; i < w.size(); i++) a.data[i] = w.get(i);
    var svd = DecompositionFactory_DDRM.svd(w.rows(), w.cols(), false, false, true);
    assertThat(svd.decompose(a)).isTrue();
    double[] values = svd.getSingularValues().clone();
    java.util.Arrays.sort(values);
    double[] falling = new double[Math.min(w.rows(), w.cols())];
    for (int i = 0; i < falling.length; i++) falling[i] = values[values.length - 1 - i];
    return falling;
  }

  /** Σ (w − of)² in f64. */
  private static double squaredError(Tensor w, Tensor of) {
    double sum = 0;
    for (int i = 0; i < w.size(); i++) sum += Math.pow((double) w.get(i) - of.get(i), 2);
    return sum;
  }

  private static double squares(double[] values, int from) {
    double sum = 0;
    for (int i = from; i < values.length; i++) sum += values[i] * values[i];
    return sum;
  }

  @ParameterizedTest
  @CsvSource({
    "flat,96,96,8",
    "flat,200,64,16",
    "flat,64,200,16",
    "flat,131,97,40",
    "flat,48,32,30",
    "steep,96,120,12",
    "steep,120,80,3",
    "deficient,90,70,5",
    "deficient,70,90,8",
    "deficient,64,64,3",
    "zero,64,80,4",
    "zero,5,9,2",
    "deficient,70,90,60",
    "deficient,90,70,60",
    "zero,64,80,60",
    "root,90,120,20",
    "root,90,120,80",
    "tiny,80,64,7",
    "tiny,80,64,60",
    "huge,80,64,7",
    "huge,64,80,60",
    "'huge, steep',96,120,12",
    "'huge, steep',96,120,90",
    "flat,1,40,1",
    "flat,40,1,1",
    "steep,96,96,96"
  })
  void theErrorIsTheLeastThatTheRankAllows(String kind, int m, int n, int rank) {
    Tensor w = matrix(kind, m, n);
    double[] all = values(w);
    double total = squares(all, 0);
    Svd found = Svd.largest(w, rank, KERNELS, 3, "test");
    assertThat(found.rank()).isEqualTo(rank);
    double least = squares(all, rank);
    // What f32 products of this length lose at most, with the rounding of W itself.
    double rounding = total * Math.pow(Math.max(m, n) * 0x1p-23, 2);
    double error = squaredError(w, found.matrix(KERNELS));
    assertThat(Math.sqrt(error))
        .isBetween(
            Math.sqrt(least) - Math.sqrt(rounding), 1.02 * Math.sqrt(least) + Math.sqrt(rounding));
    for (int i = 0; i < rank; i++)
      assertThat(found.values()[i])
          .as("value %d", i)
          .isCloseTo(all[i], within(0.03 * all[rank - 1] + Math.sqrt(rounding)));
  }

  @ParameterizedTest
  @CsvSource({
    "flat,96,80,9",
    "deficient,96,80,20",
    "zero,96,80,4",
    "flat,96,80,75",
    "deficient,80,96,75",
    "zero,80,96,75",
    "steep,96,80,40",
    "steep,96,80,80"
  })
  void vectorsAreOrthonormal(String kind, int m, int n, int rank) {
    Svd s = Svd.largest(matrix(kind, m, n), rank, KERNELS, 3, "test");
    for (Tensor side : new Tensor[] {s.u(), s.v()})
      for (int i = 0; i < rank; i++)
        for (int j = 0; j < rank; j++) {
          double dot = 0;
          for (int c = 0; c < side.cols(); c++)
            dot += (double) side.get(i * side.cols() + c) * side.get(j * side.cols() + c);
          assertThat(dot).isCloseTo(i == j ? 1 : 0, within(1e-5));
        }
  }

  @Test
  void energyIsTheShareOfSquaresAndNoMore() {
    Tensor w = Tensor.zeros(6, 7);
    w.data()[0] = 4;
    w.data()[8] = -3;
    for (double[] c : new double[][] {{0.5, 1}, {0.6399, 1}, {0.6401, 2}, {1, 2}})
      assertThat(Svd.energy(w, c[0], KERNELS, 1, "e").rank()).as("%s", c[0]).isEqualTo((int) c[1]);
    assertThat(Svd.energy(Tensor.zeros(6, 7), 0.5, KERNELS, 1, "e").rank()).isEqualTo(1);
  }

  @Test
  void energyOfALargeMatrixNeedsNoWholeDecomposition() {
    Tensor w = matrix("steep", 160, 144);
    double[] all = values(w);
    for (double share : new double[] {0.3, 0.9, 0.99, 0.9999}) {
      int least = 1;
      while (squares(all, 0) - squares(all, least) < share * squares(all, 0)) least++;
      Svd found = Svd.energy(w, share, KERNELS, 5, "e");
      // A sketch's values are no larger than the true ones.
      assertThat(found.rank()).as("share %s", share).isBetween(least, least + 1);
      assertThat(squaredError(w, found.matrix(KERNELS)))
          .isLessThanOrEqualTo((1 - share) * squares(all, 0) * 1.0001);
    }
  }

  @Test
  void theSeedDecidesAndThreadsDoNot() {
    Tensor w = matrix("flat", 150, 130);
    float[] two = Svd.largest(w, 20, KERNELS, 3, "a").right().toArray();
    try (Team one = Team.of(1)) {
      assertThat(Svd.largest(w, 20, Kernels.best(one), 3, "a").right().toArray()).isEqualTo(two);
    }
    assertThat(Svd.largest(w, 20, KERNELS, 4, "a").right().toArray()).isNotEqualTo(two);
    assertThat(Svd.largest(w, 20, KERNELS, 3, "b").right().toArray()).isNotEqualTo(two);
  }

  @Test
  void theSpecificationFindsTheSame() {
    Tensor w = matrix("steep", 100, 90);
    Tensor scalar = Svd.largest(w, 10, Kernels.scalar(), 3, "a").matrix(KERNELS);
    Tensor best = Svd.largest(w, 10, KERNELS, 3, "a").matrix(KERNELS);
    assertThat(squaredError(scalar, best)).isLessThan(1e-8 * squares(values(w), 0));
  }

  @Test
  void whatIsNoNumberIsRefused() {
    for (int size : new int[] {8, 96}) {
      Tensor w = gaussian(size, size, "nan");
      w.data()[7] = Float.NaN;
      assertThatThrownBy(() -> Svd.largest(w, 2, KERNELS, 1, "blocks.3.attn.q"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("blocks.3.attn.q")
          .hasMessageContaining("NaN");
      assertThatThrownBy(() -> Svd.energy(w, 0.5, KERNELS, 1, "blocks.3.attn.q"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("NaN");
    }
    assertThatThrownBy(() -> Svd.largest(Tensor.zeros(4, 5), 5, KERNELS, 1, "w"))
        .hasMessageContaining("from 1 to 4");
  }
}
