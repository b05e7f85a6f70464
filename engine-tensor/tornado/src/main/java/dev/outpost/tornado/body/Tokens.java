package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Rows of a table by their numbers, which come as floats. */
public final class Tokens {
  private Tokens() {}

  /**
   * {@code out[i, :] (+)= table[ids[i], :]}, one item per number. args: n, cols, ids, table, its
   * row stride, its column stride, out, whether to add.
   */
  public static void gather(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0)) {
      int row = i / args.get(1);
      int col = i - row * args.get(1);
      int id = (int) heap.get(args.get(2) + row);
      float v = heap.get(args.get(3) + id * args.get(4) + col * args.get(5));
      if (args.get(7) != 0) v += heap.get(args.get(6) + i);
      heap.set(args.get(6) + i, v);
    }
  }

  /** The same from a page of weights. args: as before, then the code of the stored type. */
  public static void gatherStored(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0)) {
      int row = i / args.get(1);
      int col = i - row * args.get(1);
      int id = (int) heap.get(args.get(2) + row);
      int at = args.get(3) + id * args.get(4) + col * args.get(5);
      float v = Stored.read(page, args.get(8), at, heap);
      if (args.get(7) != 0) v += heap.get(args.get(6) + i);
      heap.set(args.get(6) + i, v);
    }
  }

  /**
   * {@code table[id, :] += Σ dOut[i, :]} over a run of rows i of one id, in their order; one item
   * per run and column. args: n, cols, how many runs, dOut, table, runs. These are: where each
   * begins in the rows, and where the last ends; each one's id; the rows.
   */
  public static void scatter(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    int cols = args.get(1);
    int run = i / cols;
    int col = i - run * cols;
    if (i < args.get(0)) {
      int runs = args.get(2);
      int begins = args.get(5);
      int from = (int) heap.get(begins + run);
      int until = (int) heap.get(begins + run + 1);
      int id = (int) heap.get(begins + runs + 1 + run);
      int rows = begins + 2 * runs + 1;
      int to = args.get(4) + id * cols + col;
      float sum = heap.get(to);
      for (int k = from; k < until; k++) {
        int row = (int) heap.get(rows + k);
        sum += heap.get(args.get(3) + row * cols + col);
      }
      heap.set(to, sum);
    }
  }
}
