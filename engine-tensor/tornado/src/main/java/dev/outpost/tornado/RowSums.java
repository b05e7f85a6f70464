package dev.outpost.tornado;

import static dev.outpost.tornado.Launcher.flag;
import static dev.outpost.tornado.Launcher.groups;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tornado.body.Sums;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/** Sums over rows, and of squares over everything. */
final class RowSums {
  /** Rows that one group sums; more are summed in two steps, so that many groups work. */
  static final int DEEP = 128;

  private final Launcher launcher;
  private final Kernels host;

  RowSums(Launcher launcher) {
    this.launcher = launcher;
    this.host = launcher.host();
  }

  void sumRows(Tensor x, Tensor out, boolean accumulate) {
    int rows = x.rows();
    int cols = x.cols();
    if (cols == 0) return;
    int parts = parts(rows);
    float[] scratch = new float[0];
    Call c = launcher.call().in(x).out(out, accumulate);
    if (parts > 1) c.scratch(scratch, parts * cols);
    c.run(
        () -> {
          if (parts > 1) {
            sumRows(rows, cols, DEEP, c.at(x), c.at(scratch), false);
            sumRows(parts, cols, parts, c.at(scratch), c.at(out), accumulate);
          } else {
            sumRows(rows, cols, rows, c.at(x), c.at(out), accumulate);
          }
        },
        () -> host.sumRows(x, out, accumulate));
  }

  /**
   * Sums of {@code deep} rows each, one below the other.
   *
   * @param x where the rows begin on the device
   * @param out where their sums begin
   */
  void sumRows(int rows, int cols, int deep, int x, int out, boolean accumulate) {
    launcher.launch(
        Kernel.SUM_ROWS,
        0,
        groups(cols, Sums.COLS),
        deep == 0 ? 1 : groups(rows, deep),
        1,
        rows,
        cols,
        deep,
        x,
        out,
        flag(accumulate));
  }

  /** Groups that share so many rows; more than one leave sums of {@link #DEEP} rows each. */
  static int parts(int rows) {
    return Math.max(1, groups(rows, DEEP));
  }

  double sumSquares(Tensor x) {
    return squares(x, null, () -> host.sumSquares(x));
  }

  double sumSquaredDifference(Tensor a, Tensor b) {
    return squares(a, b, () -> host.sumSquaredDifference(a, b));
  }

  private double squares(Tensor a, @Nullable Tensor b, DoubleSupplier onHost) {
    int n = a.size();
    if (n == 0) return 0;
    int groups = groups(n, Sums.ITEMS * Sums.EACH);
    float[] parts = new float[groups];
    double[] sum = new double[1];
    Call c = launcher.call().in(a).out(parts, groups);
    if (b != null) c.in(b);
    c.run(
        () ->
            launcher.launch(
                Kernel.SUM_SQUARES,
                0,
                groups,
                1,
                1,
                n,
                c.at(a),
                b == null ? -1 : c.at(b),
                c.at(parts)),
        () -> sum[0] = onHost.getAsDouble());
    for (float part : parts) sum[0] += part;
    return sum[0];
  }
}
