package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * {@link Gemm} with at most {@link #ROWS} rows, where B is read once and what counts is that
 * neighbouring items read neighbours of it: its terms, if its row stride is 1, else its columns.
 */
public final class FewRows {
  /** Rows of C at most. */
  public static final int ROWS = 8;

  /** Columns of a group where B's terms are neighbours. */
  public static final int ALONG = 8;

  /** Columns of a group where B's columns are neighbours. */
  public static final int ACROSS = 32;

  private static final int ITEMS = 256;

  private FewRows() {}

  /** Groups of 32×8 items. args: {@link Gemm}'s. */
  public static void product(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] sums = c.allocateFloatLocalArray(ROWS * ITEMS);
    float[] parts = c.allocateFloatLocalArray(ITEMS);
    int x = c.localIdx;
    int y = c.localIdy;
    int item = y * ACROSS + x;
    int m = args.get(0);
    int depth = args.get(2);
    int a = args.get(3);
    int aRow = args.get(4);
    int aCol = args.get(5);
    int b = args.get(6);
    int bRow = args.get(7);
    int bCol = args.get(8);
    int type = args.get(13);
    boolean along = bRow == 1;
    // Items of one column share its terms.
    int first = c.groupIdx * (along ? ALONG : ACROSS);
    int col = first + (along ? y : x);
    int from = along ? x : y;
    int step = along ? ACROSS : ALONG;
    float s0 = 0f;
    float s1 = 0f;
    float s2 = 0f;
    float s3 = 0f;
    float s4 = 0f;
    float s5 = 0f;
    float s6 = 0f;
    float s7 = 0f;
    if (col < args.get(1)) {
      for (int term = from; term < depth; term += step) {
        float w = Gemm.right(heap, page, type, b + term * bRow + col * bCol);
        int at = a + term * aCol;
        s0 += w * heap.get(at);
        if (m > 1) s1 += w * heap.get(at + aRow);
        if (m > 2) s2 += w * heap.get(at + 2 * aRow);
        if (m > 3) s3 += w * heap.get(at + 3 * aRow);
        if (m > 4) s4 += w * heap.get(at + 4 * aRow);
        if (m > 5) s5 += w * heap.get(at + 5 * aRow);
        if (m > 6) s6 += w * heap.get(at + 6 * aRow);
        if (m > 7) s7 += w * heap.get(at + 7 * aRow);
      }
    }
    sums[item] = s0;
    sums[ITEMS + item] = s1;
    sums[2 * ITEMS + item] = s2;
    sums[3 * ITEMS + item] = s3;
    sums[4 * ITEMS + item] = s4;
    sums[5 * ITEMS + item] = s5;
    sums[6 * ITEMS + item] = s6;
    sums[7 * ITEMS + item] = s7;
    c.localBarrier();
    // Eight parts to an item: all of an element of C, or a quarter.
    int part = along ? (item >> 2) * 32 + (item & 3) * 8 : y * ITEMS + x;
    int next = along ? 1 : 32;
    float sum = 0f;
    for (int i = 0; i < 8; i++) sum += sums[part + i * next];
    parts[item] = sum;
    c.localBarrier();
    if (!along) {
      Gemm.put(args, heap, y, col, sum);
    } else if (item < 64) {
      sum = parts[4 * item] + parts[4 * item + 1] + (parts[4 * item + 2] + parts[4 * item + 3]);
      Gemm.put(args, heap, item >> 3, first + (item & 7), sum);
    }
  }
}
