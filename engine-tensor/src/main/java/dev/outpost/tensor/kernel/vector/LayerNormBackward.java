package dev.outpost.tensor.kernel.vector;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Team;

/**
 * LayerNorm backward for input and parameters in one pass over x and dy, by the plan of {@link
 * RmsNormBackward}: fixed ranges of rows with partial sums of their own.
 */
final class LayerNormBackward {
  private final Team team;
  private final Scratch scratch;

  LayerNormBackward(Team team, Scratch scratch) {
    this.team = team;
    this.scratch = scratch;
  }

  void run(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      Tensor dx,
      boolean accumulateX,
      Tensor dgamma,
      Tensor dbeta,
      boolean accumulateParameters) {
    int rows = x.rows();
    int cols = x.cols();
    PartialRows parts = PartialRows.of(rows, 2 * cols, scratch);
    float[] averages = scratch.take(2 * rows);
    Split.rows(
        team,
        rows,
        cols,
        PartialRows.ROWS,
        (from, to) -> {
          int sums = parts.clear(from);
          for (int r = from; r < to; r++) averages(x, gamma, mean, rstd, dy, r, averages);
          int r = from;
          for (; r + 2 <= to; r += 2)
            NormKernels.backward2(
                x, gamma, mean, rstd, dy, r, averages, dx, accumulateX, parts.data(), sums);
          for (; r < to; r++)
            last(x, gamma, mean, rstd, dy, r, averages, dx, accumulateX, parts.data(), sums);
        });
    parts.addUp(team, 0, dgamma, accumulateParameters);
    parts.addUp(team, cols, dbeta, accumulateParameters);
    scratch.give(averages);
    scratch.give(parts.data());
  }

  private static void averages(
      Tensor x, Tensor gamma, Tensor mean, Tensor rstd, Tensor dy, int row, float[] averages) {
    int n = x.cols();
    NormKernels.averages(
        x.data(),
        x.offset() + row * n,
        dy.data(),
        dy.offset() + row * n,
        gamma.data(),
        gamma.offset(),
        n,
        mean.get(row),
        rstd.get(row),
        averages,
        2 * row);
  }

  private static void last(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      int row,
      float[] averages,
      Tensor dx,
      boolean add,
      float[] sums,
      int so) {
    int n = x.cols();
    int xo = x.offset() + row * n;
    int dyo = dy.offset() + row * n;
    float m = mean.get(row);
    float s = rstd.get(row);
    NormKernels.parameters(x.data(), xo, dy.data(), dyo, n, m, s, sums, so);
    NormKernels.dx(
        x.data(),
        xo,
        dy.data(),
        dyo,
        gamma.data(),
        gamma.offset(),
        n,
        m,
        s,
        averages[2 * row],
        averages[2 * row + 1],
        dx.data(),
        dx.offset() + row * n,
        add);
  }
}
