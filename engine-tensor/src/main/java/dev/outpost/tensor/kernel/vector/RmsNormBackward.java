package dev.outpost.tensor.kernel.vector;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Team;
import org.jspecify.annotations.Nullable;

/**
 * RMSNorm backward in one pass over x and dy. A task owns a fixed number of rows and sums their
 * shares of dgamma into a row of its own; the tasks' rows are then added up in a fixed order, so
 * the bits do not depend on the number of threads.
 */
final class RmsNormBackward {
  private final Team team;
  private final Scratch scratch;

  RmsNormBackward(Team team, Scratch scratch) {
    this.team = team;
    this.scratch = scratch;
  }

  void run(
      Tensor x,
      Tensor gamma,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      boolean accumulateGamma) {
    int rows = x.rows();
    int cols = x.cols();
    PartialRows parts = PartialRows.of(rows, dgamma == null ? 0 : cols, scratch);
    Split.rows(
        team,
        rows,
        cols,
        PartialRows.ROWS,
        (from, to) -> {
          int sums = parts.clear(from);
          int r = from;
          if (dx != null && dgamma != null)
            for (; r + 2 <= to; r += 2)
              both(x, gamma, rstd, dy, r, dx, accumulateX, parts.data(), sums);
          for (; r < to; r++) {
            float s = rstd.get(r);
            int at = r * cols;
            if (dx != null) dx(x, gamma, s, dy, at, dx, accumulateX);
            if (dgamma != null)
              RmsNormKernels.dgamma(
                  x.data(),
                  x.offset() + at,
                  dy.data(),
                  dy.offset() + at,
                  cols,
                  s,
                  parts.data(),
                  sums);
          }
        });
    if (dgamma != null) parts.addUp(team, 0, dgamma, accumulateGamma);
    scratch.give(parts.data());
  }

  /** Two rows: their shares of dgamma are read and written once for both. */
  private static void both(
      Tensor x,
      Tensor gamma,
      Tensor rstd,
      Tensor dy,
      int row,
      Tensor dx,
      boolean add,
      float[] sums,
      int so) {
    int n = x.cols();
    RmsNormKernels.backward2(
        x.data(),
        x.offset() + row * n,
        dy.data(),
        dy.offset() + row * n,
        gamma.data(),
        gamma.offset(),
        n,
        rstd.get(row),
        rstd.get(row + 1),
        slope(x, gamma, rstd, dy, row),
        slope(x, gamma, rstd, dy, row + 1),
        dx.data(),
        dx.offset() + row * n,
        add,
        sums,
        so);
  }

  private static float slope(Tensor x, Tensor gamma, Tensor rstd, Tensor dy, int row) {
    int n = x.cols();
    double avg =
        RmsNormKernels.product(
                x.data(),
                x.offset() + row * n,
                dy.data(),
                dy.offset() + row * n,
                gamma.data(),
                gamma.offset(),
                n)
            / n;
    double s = rstd.get(row);
    return (float) (s * s * s * avg);
  }

  private static void dx(
      Tensor x, Tensor gamma, float s, Tensor dy, int at, Tensor dx, boolean accumulate) {
    int n = x.cols();
    float[] xs = x.data();
    float[] dys = dy.data();
    float[] g = gamma.data();
    int xo = x.offset() + at;
    int dyo = dy.offset() + at;
    int go = gamma.offset();
    double avg = RmsNormKernels.product(xs, xo, dys, dyo, g, go, n) / n;
    float k = (float) ((double) s * s * s * avg);
    float[] out = dx.data();
    int dxo = dx.offset() + at;
    if (accumulate) RmsNormKernels.dxMore(xs, xo, dys, dyo, g, go, n, s, k, out, dxo);
    else RmsNormKernels.dx(xs, xo, dys, dyo, g, go, n, s, k, out, dxo);
  }
}
