package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Rotary position embedding: one item per pair, and one per number behind the pairs. */
public final class Rotary {
  private Rotary() {}

  /**
   * args: n, time, past, heads, headDim, pairs, numbers from one pair to the next, from a pair's
   * first to its second, angles, the sign of sines; then offset, batch stride and row stride of x
   * and of y.
   */
  public static void turn(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    if (i < args.get(0)) {
      int dim = args.get(4);
      int pairs = args.get(5);
      int perHead = dim - pairs;
      int unit = i / perHead;
      int e = i - unit * perHead;
      int position = unit / args.get(3);
      int head = unit - position * args.get(3);
      int b = position / args.get(1);
      int t = position - b * args.get(1);
      int from = args.get(10) + b * args.get(11) + t * args.get(12) + head * dim;
      int to = args.get(13) + b * args.get(14) + t * args.get(15) + head * dim;
      if (e < pairs) {
        int angle = args.get(8) + (args.get(2) + t) * 2 * pairs + e;
        float cos = heap.get(angle);
        float sin = heap.get(angle + pairs) * args.get(9);
        int first = e * args.get(6);
        int second = first + args.get(7);
        float x = heap.get(from + first);
        float y = heap.get(from + second);
        heap.set(to + first, x * cos - y * sin);
        heap.set(to + second, y * cos + x * sin);
      } else {
        heap.set(to + pairs + e, heap.get(from + pairs + e));
      }
    }
  }
}
