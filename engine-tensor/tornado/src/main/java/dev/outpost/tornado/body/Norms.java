package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * LayerNorm and RMSNorm, which is LayerNorm that takes every mean for 0 and has no beta ({@code
 * centred} is 0; mean and beta are ignored).
 */
public final class Norms {
  /** Items that share a row. */
  public static final int ITEMS = 128;

  private static final int PARTS = 16;

  private Norms() {}

  /** A group per row. args: cols, centred, eps, x, gamma, beta, y, mean, rstd. */
  public static void forward(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] shared = c.allocateFloatLocalArray(ITEMS + PARTS);
    int item = c.localIdx;
    int row = c.groupIdx;
    int cols = args.get(0);
    int centred = args.get(1);
    int x = args.get(3) + row * cols;
    float mean = 0f;
    float variance = 0f;
    // First the mean, if any, then the variance about it.
    for (int pass = centred != 0 ? 0 : 1; pass < 2; pass++) {
      float sum = 0f;
      for (int i = item; i < cols; i += ITEMS) {
        float d = heap.get(x + i) - mean;
        sum += pass == 0 ? d : d * d;
      }
      shared[item] = sum;
      c.localBarrier();
      if (item < PARTS) {
        float part = 0f;
        for (int i = item; i < ITEMS; i += PARTS) part += shared[i];
        shared[ITEMS + item] = part;
      }
      c.localBarrier();
      float total = 0f;
      for (int i = 0; i < PARTS; i++) total += shared[ITEMS + i];
      if (pass == 0) mean = total / cols;
      else variance = total / cols;
    }
    float rstd = 1f / TornadoMath.sqrt(variance + Stored.real(heap, args.get(2)));
    int y = args.get(6) + row * cols;
    for (int i = item; i < cols; i += ITEMS) {
      float v = (heap.get(x + i) - mean) * rstd * heap.get(args.get(4) + i);
      if (centred != 0) v += heap.get(args.get(5) + i);
      heap.set(y + i, v);
    }
    if (item == 0) {
      if (centred != 0) heap.set(args.get(7) + row, mean);
      heap.set(args.get(8) + row, rstd);
    }
  }

  /** A group per row. args: cols, centred, x, gamma, mean, rstd, dy, dx, whether to add. */
  public static void backward(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] sums = c.allocateFloatLocalArray(ITEMS + PARTS);
    float[] alongs = c.allocateFloatLocalArray(ITEMS + PARTS);
    int item = c.localIdx;
    int row = c.groupIdx;
    int cols = args.get(0);
    int centred = args.get(1);
    int x = args.get(2) + row * cols;
    int gamma = args.get(3);
    int dy = args.get(6) + row * cols;
    float mean = centred != 0 ? heap.get(args.get(4) + row) : 0f;
    float rstd = heap.get(args.get(5) + row);
    float sum = 0f;
    float along = 0f;
    for (int i = item; i < cols; i += ITEMS) {
      float g = heap.get(dy + i) * heap.get(gamma + i);
      sum += g;
      along += g * ((heap.get(x + i) - mean) * rstd);
    }
    sums[item] = sum;
    alongs[item] = along;
    c.localBarrier();
    if (item < PARTS) {
      sum = 0f;
      along = 0f;
      for (int i = item; i < ITEMS; i += PARTS) {
        sum += sums[i];
        along += alongs[i];
      }
      sums[ITEMS + item] = sum;
      alongs[ITEMS + item] = along;
    }
    c.localBarrier();
    sum = 0f;
    along = 0f;
    for (int i = 0; i < PARTS; i++) {
      sum += sums[ITEMS + i];
      along += alongs[ITEMS + i];
    }
    float average = centred != 0 ? sum / cols : 0f;
    along /= cols;
    int dx = args.get(7) + row * cols;
    for (int i = item; i < cols; i += ITEMS) {
      float g = heap.get(dy + i) * heap.get(gamma + i);
      float v = rstd * (g - average - (heap.get(x + i) - mean) * rstd * along);
      if (args.get(8) != 0) v += heap.get(dx + i);
      heap.set(dx + i, v);
    }
  }

  /**
   * dgamma and, if centred, dbeta over rows {@code [r·deep, (r + 1)·deep)} for each group r in y,
   * in row r of dgamma and dbeta; 32×8 items. args: rows, cols, deep, centred, x, mean, rstd, dy,
   * dgamma, dbeta, whether to add.
   */
  public static void parameters(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] sums = c.allocateFloatLocalArray(2 * Sums.ITEMS);
    int x = c.localIdx;
    int y = c.localIdy;
    int cols = args.get(1);
    int centred = args.get(3);
    int col = c.groupIdx * Sums.COLS + x;
    int first = c.groupIdy * args.get(2);
    int end = TornadoMath.min(first + args.get(2), args.get(0));
    float dgamma = 0f;
    float dbeta = 0f;
    if (col < cols) {
      for (int row = first + y; row < end; row += Sums.LANES) {
        float mean = centred != 0 ? heap.get(args.get(5) + row) : 0f;
        float d = heap.get(args.get(7) + row * cols + col);
        float hat = (heap.get(args.get(4) + row * cols + col) - mean) * heap.get(args.get(6) + row);
        dgamma += d * hat;
        dbeta += d;
      }
    }
    sums[y * Sums.COLS + x] = dgamma;
    sums[Sums.ITEMS + y * Sums.COLS + x] = dbeta;
    c.localBarrier();
    // The first item of a column takes dgamma, the second dbeta.
    if (col < cols && y <= centred) {
      float sum = 0f;
      for (int i = 0; i < Sums.LANES; i++) sum += sums[y * Sums.ITEMS + i * Sums.COLS + x];
      int at = (y == 0 ? args.get(8) : args.get(9)) + c.groupIdy * cols + col;
      if (args.get(10) != 0) sum += heap.get(at);
      heap.set(at, sum);
    }
  }
}
