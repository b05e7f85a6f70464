package dev.outpost.tensor.kernel.vector;

import dev.outpost.tensor.kernel.Team;
import java.util.function.IntConsumer;

/**
 * Cuts work into numbered ranges whose borders depend on sizes alone, never on the number of
 * threads. Work too small to be worth a thread's wake-up stays with the caller.
 */
final class Split {
  /** About 10 µs of streaming: less is done sooner than another thread is awake. */
  private static final long WORTH_SHARING = 1 << 15;

  private static final int ELEMENTS = 1 << 14;

  private Split() {}

  /** A piece of work on {@code [from, to)}. */
  @FunctionalInterface
  interface Range {
    void run(int from, int to);
  }

  /** Runs tasks 0 … n−1; {@code work} is their total in touched elements, or multiply-adds / 16. */
  static void tasks(Team team, long work, int n, IntConsumer task) {
    if (work < WORTH_SHARING || team.threads() == 1) for (int i = 0; i < n; i++) task.accept(i);
    else team.forEach(n, task);
  }

  /** Ranges of elements. */
  static void elements(Team team, int size, Range range) {
    ranges(team, size, size, ELEMENTS, range);
  }

  /** Ranges of rows of {@code cols} elements each. */
  static void rows(Team team, int rows, int cols, Range range) {
    ranges(team, (long) rows * cols, rows, Math.max(1, ELEMENTS / Math.max(1, cols)), range);
  }

  /** Ranges of {@code block} rows of {@code cols} elements each. */
  static void rows(Team team, int rows, int cols, int block, Range range) {
    ranges(team, (long) rows * cols, rows, block, range);
  }

  /** Ranges of columns, {@code block} at a time. */
  static void columns(Team team, int rows, int cols, int block, Range range) {
    ranges(team, (long) rows * cols, cols, block, range);
  }

  private static void ranges(Team team, long work, int size, int step, Range range) {
    int n = (int) (((long) size + step - 1) / step);
    if (work < WORTH_SHARING || team.threads() == 1)
      for (int i = 0; i < n; i++) run(range, size, step, i);
    else team.forEachNear(n, i -> run(range, size, step, i));
  }

  private static void run(Range range, int size, int step, int i) {
    range.run(i * step, (int) Math.min(size, (i + 1L) * step));
  }
}
