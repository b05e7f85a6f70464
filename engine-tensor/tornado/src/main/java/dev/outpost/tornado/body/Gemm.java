package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * {@code C (+)= A·B}, A [M, K], B [K, N], C [M, N], each with a row and a column stride, in f32. A
 * and C lie on the heap; B there too, or in a page of weights. args: M, N, K; A, its row stride,
 * its column stride; B and its; C and its; whether to add; the code of B's stored type or {@link
 * #HEAP}. Every sum has one order, whatever the device.
 */
public final class Gemm {
  /** Where B lies, if not in a page. */
  public static final int HEAP = -1;

  /** Rows and columns of C that a group makes. */
  public static final int TILE = 64;

  /** Items of a group in each direction, and terms that a step takes. */
  private static final int SIDE = 16;

  /**
   * From one term's line in local memory to the next. Two more than a line: items that run along
   * the terms, two lines of them at a time, then meet no bank of local memory twice.
   */
  private static final int PITCH = 66;

  private Gemm() {}

  /** Groups of 16×16 items, one per tile. */
  public static void tiles(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] left = c.allocateFloatLocalArray(SIDE * PITCH);
    float[] right = c.allocateFloatLocalArray(SIDE * PITCH);
    int x = c.localIdx;
    int y = c.localIdy;
    int item = y * SIDE + x;
    int top = c.groupIdy * TILE;
    int side = c.groupIdx * TILE;
    int m = args.get(0);
    int n = args.get(1);
    int depth = args.get(2);
    int a = args.get(3);
    int aRow = args.get(4);
    int aCol = args.get(5);
    int b = args.get(6);
    int bRow = args.get(7);
    int bCol = args.get(8);
    int type = args.get(13);
    // Neighbouring items read neighbouring numbers: along the terms, or else along the lines.
    int aLine = item >> 4;
    int aTerm = item & 15;
    int aLines = 16;
    int aTerms = 0;
    if (aRow == 1) {
      aLine = item & 63;
      aTerm = item >> 6;
      aLines = 0;
      aTerms = 4;
    }
    int bLine = item >> 4;
    int bTerm = item & 15;
    int bLines = 16;
    int bTerms = 0;
    if (bCol == 1) {
      bLine = item & 63;
      bTerm = item >> 6;
      bLines = 0;
      bTerms = 4;
    }
    // They write neighbouring numbers too.
    int row = y;
    int col = x;
    if (args.get(11) != 1) {
      row = x;
      col = y;
    }
    float c00 = 0f;
    float c01 = 0f;
    float c02 = 0f;
    float c03 = 0f;
    float c10 = 0f;
    float c11 = 0f;
    float c12 = 0f;
    float c13 = 0f;
    float c20 = 0f;
    float c21 = 0f;
    float c22 = 0f;
    float c23 = 0f;
    float c30 = 0f;
    float c31 = 0f;
    float c32 = 0f;
    float c33 = 0f;
    for (int from = 0; from < depth; from += SIDE) {
      for (int s = 0; s < 4; s++) {
        int line = aLine + s * aLines;
        int term = aTerm + s * aTerms;
        float v = 0f;
        if (top + line < m && from + term < depth)
          v = heap.get(a + (top + line) * aRow + (from + term) * aCol);
        left[term * PITCH + line] = v;
        line = bLine + s * bLines;
        term = bTerm + s * bTerms;
        v = 0f;
        if (side + line < n && from + term < depth)
          v = right(heap, page, type, b + (from + term) * bRow + (side + line) * bCol);
        right[term * PITCH + line] = v;
      }
      c.localBarrier();
      for (int term = 0; term < SIDE; term++) {
        int p = term * PITCH + row;
        int q = term * PITCH + col;
        float a0 = left[p];
        float a1 = left[p + 16];
        float a2 = left[p + 32];
        float a3 = left[p + 48];
        float b0 = right[q];
        float b1 = right[q + 16];
        float b2 = right[q + 32];
        float b3 = right[q + 48];
        c00 += a0 * b0;
        c01 += a0 * b1;
        c02 += a0 * b2;
        c03 += a0 * b3;
        c10 += a1 * b0;
        c11 += a1 * b1;
        c12 += a1 * b2;
        c13 += a1 * b3;
        c20 += a2 * b0;
        c21 += a2 * b1;
        c22 += a2 * b2;
        c23 += a2 * b3;
        c30 += a3 * b0;
        c31 += a3 * b1;
        c32 += a3 * b2;
        c33 += a3 * b3;
      }
      c.localBarrier();
    }
    put(args, heap, top + row, side + col, c00);
    put(args, heap, top + row, side + col + 16, c01);
    put(args, heap, top + row, side + col + 32, c02);
    put(args, heap, top + row, side + col + 48, c03);
    put(args, heap, top + row + 16, side + col, c10);
    put(args, heap, top + row + 16, side + col + 16, c11);
    put(args, heap, top + row + 16, side + col + 32, c12);
    put(args, heap, top + row + 16, side + col + 48, c13);
    put(args, heap, top + row + 32, side + col, c20);
    put(args, heap, top + row + 32, side + col + 16, c21);
    put(args, heap, top + row + 32, side + col + 32, c22);
    put(args, heap, top + row + 32, side + col + 48, c23);
    put(args, heap, top + row + 48, side + col, c30);
    put(args, heap, top + row + 48, side + col + 16, c31);
    put(args, heap, top + row + 48, side + col + 32, c32);
    put(args, heap, top + row + 48, side + col + 48, c33);
  }

  /** A number of B. */
  static float right(FloatArray heap, IntArray page, int type, int at) {
    if (type == HEAP) return heap.get(at);
    return Stored.read(page, type, at, heap);
  }

  /** Element (row, col) of C, if there is one. */
  static void put(IntArray args, FloatArray heap, int row, int col, float value) {
    if (row < args.get(0) && col < args.get(1)) {
      int at = args.get(9) + row * args.get(10) + col * args.get(11);
      float v = value;
      if (args.get(12) != 0) v += heap.get(at);
      heap.set(at, v);
    }
  }
}
