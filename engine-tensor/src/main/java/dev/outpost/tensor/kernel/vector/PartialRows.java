package dev.outpost.tensor.kernel.vector;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Team;
import java.util.Arrays;

/**
 * One row of partial column sums for each {@link #ROWS} rows of a matrix, added up in a fixed
 * order: the bits do not depend on the number of threads.
 */
record PartialRows(float[] data, int count, int cols) {
  /** Rows per partial sum: these are then a thirtieth of the traffic. */
  static final int ROWS = 32;

  static PartialRows of(int rows, int cols, Scratch scratch) {
    int count = Math.max(1, (rows + ROWS - 1) / ROWS);
    PartialRows parts = new PartialRows(scratch.take(count * cols), count, cols);
    if (rows == 0) parts.clear(0);
    return parts;
  }

  /** Zeros where the sums of the rows from {@code row} on begin, and tells where. */
  int clear(int row) {
    int at = row / ROWS * cols;
    Arrays.fill(data, at, at + cols, 0);
    return at;
  }

  /** {@code out (+)=} the sums of the columns from {@code first} on. */
  void addUp(Team team, int first, Tensor out, boolean accumulate) {
    Split.columns(
        team,
        count,
        out.size(),
        ColumnKernels.BLOCK,
        (from, to) -> {
          tree(first + from, to - from);
          if (accumulate)
            ColumnKernels.plus(out.data(), out.offset() + from, data, first + from, to - from);
          else System.arraycopy(data, first + from, out.data(), out.offset() + from, to - from);
        });
  }

  /** Neighbours first, then pairs of pairs: short chains of additions lose few digits. */
  private void tree(int from, int n) {
    for (int apart = 1; apart < count; apart *= 2)
      for (int i = 0; i + apart < count; i += 2 * apart)
        ColumnKernels.plus(data, i * cols + from, data, (i + apart) * cols + from, n);
  }
}
