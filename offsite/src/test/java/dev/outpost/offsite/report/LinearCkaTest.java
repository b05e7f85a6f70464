package dev.outpost.offsite.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.TinyModels;
import java.util.List;
import org.junit.jupiter.api.Test;

class LinearCkaTest {
  private final Kernels kernels = TinyModels.best();

  private static Tensor gaussian(int rows, int cols, long seed) {
    RandomStream r = RandomStream.of(seed, "cka");
    Tensor t = Tensor.zeros(rows, cols);
    for (int i = 0; i < t.size(); i++) t.data()[i] = (float) r.nextGaussian();
    return t;
  }

  /** x = 1, 2, 3 and y = 1, 0, 2: covariance 1, variances 2 and 2, so CKA is 1²/(2·2). */
  @Test
  void isTheSquaredCorrelationOfTwoColumns() {
    Tensor x = Tensor.of(Shape.of(3, 1), 1, 2, 3);
    Tensor y = Tensor.of(Shape.of(3, 1), 1, 0, 2);
    assertThat(LinearCka.of(kernels, x, y)).isCloseTo(0.25, within(1e-7));
  }

  /**
   * X = [1 0; 0 1; 0 0], centred [2 −1; −1 2; −1 −1]/3; Y = its first column. XᵀX = [6 −3; −3 6]/9,
   * XᵀY = [6; −3]/9, YᵀY = 6/9: 45/81 / (√90/9 · 6/9) = 45/(6·√90).
   */
  @Test
  void isTheFormulaOfTheCentredProducts() {
    Tensor x = Tensor.of(Shape.of(3, 2), 1, 0, 0, 1, 0, 0);
    Tensor y = Tensor.of(Shape.of(3, 1), 1, 0, 0);
    assertThat(LinearCka.of(kernels, x, y)).isCloseTo(45 / (6 * Math.sqrt(90)), within(1e-7));
  }

  @Test
  void doesNotSeeRotationScaleAndShift() {
    Tensor x = gaussian(40, 3, 1);
    Tensor y = gaussian(40, 3, 2);
    double plain = LinearCka.of(kernels, x, y);
    Tensor turned = Tensor.zeros(40, 3);
    double c = Math.cos(0.7);
    double s = Math.sin(0.7);
    for (int i = 0; i < 40; i++) {
      double a = x.get(3 * i);
      double b = x.get(3 * i + 1);
      turned.data()[3 * i] = (float) (5 * (c * a - s * b) + 100);
      turned.data()[3 * i + 1] = (float) (5 * (s * a + c * b) - 7);
      turned.data()[3 * i + 2] = 5 * x.get(3 * i + 2);
    }
    assertThat(plain).isBetween(0.0, 0.5);
    assertThat(LinearCka.of(kernels, turned, y)).isCloseTo(plain, within(1e-5));
    assertThat(LinearCka.of(kernels, x, turned)).isCloseTo(1, within(1e-5));
    assertThat(LinearCka.of(kernels, y, x)).isCloseTo(plain, within(1e-7));
  }

  @Test
  void batchesGiveWhatAllRowsAtOnceGive() {
    Tensor x = gaussian(60, 5, 3);
    Tensor y = gaussian(60, 4, 4);
    LinearCka cka = LinearCka.of(kernels, List.of(new LinearCka.Pair(0, 1)));
    for (int[] cut : new int[][] {{0, 7}, {7, 8}, {8, 8}, {8, 60}})
      cka.add(List.of(x.slice(cut[0], cut[1]), y.slice(cut[0], cut[1])));
    assertThat(cka.value(0)).isCloseTo(LinearCka.of(kernels, x, y), within(1e-6));
  }

  @Test
  void theNumberOfThreadsChangesNothing() {
    Tensor x = gaussian(50, 33, 5);
    Tensor y = gaussian(50, 29, 6);
    assertThat(LinearCka.of(Kernels.best(Team.of(1)), x, y))
        .isEqualTo(LinearCka.of(Kernels.best(Team.of(2)), x, y));
  }

  @Test
  void saysWhatItCannotCompare() {
    assertThat(LinearCka.of(kernels, Tensor.zeros(4, 2), gaussian(4, 2, 7))).isNaN();
    assertThatThrownBy(() -> LinearCka.of(kernels, gaussian(4, 2, 1), gaussian(5, 2, 1)))
        .hasMessageContaining("5 rows");
    assertThatThrownBy(() -> LinearCka.of(kernels, gaussian(1, 2, 1), gaussian(1, 2, 1)))
        .hasMessageContaining("two rows");
    LinearCka cka = LinearCka.adjacent(kernels, 2);
    cka.add(List.of(gaussian(4, 2, 1), gaussian(4, 2, 1)));
    assertThatThrownBy(() -> cka.add(List.of(gaussian(4, 3, 1), gaussian(4, 2, 1))))
        .hasMessageContaining("3 columns");
    assertThatThrownBy(() -> cka.add(List.of(gaussian(4, 2, 1)))).hasMessageContaining("got 1");
  }

  @Test
  void poolingWeighsPositions() {
    assertThat(Pooling.MEAN_WEIGHTED.weight(0, 3)).isEqualTo(1 / 6.0);
    assertThat(Pooling.MEAN_WEIGHTED.weight(2, 3)).isEqualTo(3 / 6.0);
    assertThat(Pooling.MEAN.weight(1, 4)).isEqualTo(0.25);
    assertThat(Pooling.LAST.weight(1, 2)).isEqualTo(1);
    assertThat(Pooling.LAST.weight(0, 2)).isZero();
    for (Pooling p : Pooling.values()) assertThat(Pooling.of(p.word())).isEqualTo(p);
  }
}
