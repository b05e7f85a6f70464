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
    float max = rowMax(heap, from, cols, item);
    parts[item] = max;
    c.localBarrier();
    if (item < 16) {
      for (int k = 16; k < 256; k += 16) max = TornadoMath.max(max, parts[item + k]);
      parts[256 + item] = max;
    }
    c.localBarrier();
    max = parts[256];
    for (int k = 257; k < 272; k++) max = TornadoMath.max(max, parts[k]);
    float sum = expSum(heap, from, cols, item, max);
    parts[item] = sum;
    c.localBarrier();
    if (item < 16) {
      for (int k = 16; k < 256; k += 16) sum += parts[item + k];
      parts[256 + item] = sum;
    }
    c.localBarrier();
    sum = parts[256];
    for (int k = 257; k < 272; k++) sum += parts[k];
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
    float max = rowMax(heap, from, cols, item);
    parts[item] = max;
    c.localBarrier();
    if (item < 16) {
      for (int k = 16; k < 256; k += 16) max = TornadoMath.max(max, parts[item + k]);
      parts[256 + item] = max;
    }
    c.localBarrier();
    max = parts[256];
    for (int k = 257; k < 272; k++) max = TornadoMath.max(max, parts[k]);
    float sum = expSum(heap, from, cols, item, max);
    parts[item] = sum;
    c.localBarrier();
    if (item < 16) {
      for (int k = 16; k < 256; k += 16) sum += parts[item + k];
      parts[256 + item] = sum;
    }
    c.localBarrier();
    sum = parts[256];
    for (int k = 257; k < 272; k++) sum += parts[k];
    if (item == 0) heap.set(args.get(3) + row, target < 0 ? 0f : max - hit + TornadoMath.log(sum));
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
}
