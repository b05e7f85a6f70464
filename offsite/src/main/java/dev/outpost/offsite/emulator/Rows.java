package dev.outpost.offsite.emulator;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import java.util.stream.IntStream;

/** Some rows of a matrix, and what is seen row by row. */
final class Rows {
  private Rows() {}

  /** Where it says so. */
  static int[] where(boolean[] stay) {
    return IntStream.range(0, stay.length).filter(i -> stay[i]).toArray();
  }

  /** These rows, in this order, copied. */
  static Tensor of(Tensor t, int[] which) {
    Tensor some = Tensor.zeros(which.length, t.cols());
    for (int i = 0; i < which.length; i++)
      some.slice(i, i + 1).copyFrom(t.slice(which[i], which[i] + 1));
    return some;
  }

  /** These rows and the columns of the same numbers. */
  static Tensor square(Tensor t, int[] which) {
    return transposed(of(transposed(of(t, which)), which));
  }

  /** Columns as rows, copied. */
  static Tensor transposed(Tensor t) {
    Tensor out = Tensor.zeros(t.cols(), t.rows());
    for (int i = 0; i < t.rows(); i++)
      for (int j = 0; j < t.cols(); j++) out.data()[j * t.rows() + i] = t.get(i * t.cols() + j);
    return out;
  }

  /** x·w. */
  static Tensor product(Kernels kernels, Tensor x, Tensor w) {
    Tensor y = Tensor.zeros(x.rows(), w.cols());
    kernels.gemm(MatView.of(x), MatView.of(w), MatView.of(y), false);
    return y;
  }

  /** Σ |x| of a row. */
  static double absolute(Tensor t, int row) {
    double sum = 0;
    for (int j = row * t.cols(); j < (row + 1) * t.cols(); j++) sum += Math.abs(t.get(j));
    return sum;
  }
}
