package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Softmax and its loss: a group of 256 items per row. */
public final class Losses {
  /** Below every finite number. */
  private static final float NOTHING = Float.NEGATIVE_INFINITY;

  private Losses() {}

  /** Each row; one that is all −∞ becomes zeros. args: cols, x, y. */
  public static void softmax(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] parts = c.allocateFloatLocalArray(272);
    int item = c.localIdx;
    int cols = args.get(0);
    int from = args.get(1) + c.groupIdx * cols;
    int to = args.get(2) + c.groupIdx * cols;
    float max = max(c, parts, item, rowMax(heap, from, cols, item));
    c.localBarrier();
    float sum = sum(c, parts, item, expSum(heap, from, cols, item, max));
    for (int i = item; i < cols; i += 256) {
      float y = max == NOTHING ? 0f : TornadoMath.exp(heap.get(from + i) - max) / sum;
      heap.set(to + i, y);
    }
  }

  /**
   * Loss of each row and, if asked, its gradient in place. args: cols, logits, targets, losses,
   * factor on the gradient, whether there is one.
   */
  public static void crossEntropy(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] parts = c.allocateFloatLocalArray(272);
    int item = c.localIdx;
    int row = c.groupIdx;
    int cols = args.get(0);
    int from = args.get(1) + row * cols;
    int target = (int) heap.get(args.get(2) + row);
    float scale = target < 0 ? 0f : Stored.real(heap, args.get(4));
    float hit = heap.get(from + TornadoMath.max(target, 0));
    float max = max(c, parts, item, rowMax(heap, from, cols, item));
    c.localBarrier();
    float sum = sum(c, parts, item, expSum(heap, from, cols, item, max));
    if (item == 0)
      heap.set(args.get(3) + row, target < 0 ? 0f : max - hit + TornadoMath.log(sum));
    if (args.get(5) != 0) {
      for (int i = item; i < cols; i += 256) {
        float p = TornadoMath.exp(heap.get(from + i) - max) / sum;
        if (i == target) p -= 1f;
        heap.set(from + i, target < 0 ? 0f : scale * p);
      }
    }
  }

  private static float rowMax(FloatArray heap, int from, int cols, int item) {
    float max = NOTHING;
    for (int i = item; i < cols; i += 256) max = TornadoMath.max(max, heap.get(from + i));
    return max;
  }

  private static float expSum(FloatArray heap, int from, int cols, int item, float max) {
    float sum = 0f;
    for (int i = item; i < cols; i += 256) sum += TornadoMath.exp(heap.get(from + i) - max);
    return sum;
  }

  private static float max(KernelContext c, float[] parts, int item, float part) {
    parts[item] = part;
    c.localBarrier();
    if (item < 16) {
      float most = parts[item];
      for (int k = 1; k < 16; k++) most = TornadoMath.max(most, parts[item + 16 * k]);
      parts[256 + item] = most;
    }
    c.localBarrier();
    float most = parts[256];
    for (int k = 1; k < 16; k++) most = TornadoMath.max(most, parts[256 + k]);
    return most;
  }

  private static float sum(KernelContext c, float[] parts, int item, float part) {
    parts[item] = part;
    c.localBarrier();
    if (item < 16) {
      float all = parts[item];
      for (int k = 1; k < 16; k++) all += parts[item + 16 * k];
      parts[256 + item] = all;
    }
    c.localBarrier();
    float all = parts[256];
    for (int k = 1; k < 16; k++) all += parts[256 + k];
    return all;
  }
}
