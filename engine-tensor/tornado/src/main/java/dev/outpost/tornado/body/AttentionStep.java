package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Attention of one query per sequence, as each token of a generation asks for, by its keys with a
 * running maximum (Dao et al. 2022).
 */
public final class AttentionStep {
  private AttentionStep() {}

  /**
   * One query per sequence, heads of up to 256 numbers: a group of 128 items per sequence and head.
   * An item makes the score of each 128th key, then a column or two of the result.
   */
  public static void oneQuery(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] query = c.allocateFloatLocalArray(256);
    float[] scores = c.allocateFloatLocalArray(128);
    float[] weights = c.allocateFloatLocalArray(128);
    int item = c.localIdx;
    int keys = args.get(2);
    int heads = args.get(3);
    int dim = args.get(5);
    float scale = Stored.real(heap, args.get(6));
    float cap = Stored.real(heap, args.get(7));
    int b = c.groupIdx / heads;
    int head = c.groupIdx - b * heads;
    int kvHead = head / (heads / args.get(4));
    float slope = args.get(10) < 0 ? 0f : heap.get(args.get(10) + head);
    int length = args.get(11) < 0 ? keys : (int) heap.get(args.get(11) + b);
    int q = args.get(12) + b * args.get(13) + head * dim;
    int k = args.get(15) + b * args.get(16) + kvHead * dim;
    int v = args.get(18) + b * args.get(19) + kvHead * dim;
    int from = TornadoMath.max(0, keys - 1 - args.get(9));
    int until = TornadoMath.min(length, keys + args.get(8));
    for (int d = item; d < dim; d += 128) query[d] = heap.get(q + d);
    c.localBarrier();
    float max = AttentionTiles.LOW;
    float sum = 0f;
    float left = 0f;
    float right = 0f;
    int column = TornadoMath.min(item, dim - 1);
    for (int j = from; j < until; j += 128) {
      int key = j + item;
      float score = AttentionTiles.NOTHING;
      if (key < until) {
        int at = k + key * args.get(17);
        float product = 0f;
        for (int d = 0; d < dim; d++) product += query[d] * heap.get(at + d);
        score = AttentionTiles.capped(product, scale, cap) + slope * (key - keys + 1);
      }
      scores[item] = score;
      c.localBarrier();
      float most = max;
      for (int i = 0; i < 128; i++) most = TornadoMath.max(most, scores[i]);
      weights[item] = TornadoMath.exp(score - most);
      c.localBarrier();
      float kept = TornadoMath.exp(max - most);
      max = most;
      sum *= kept;
      left *= kept;
      right *= kept;
      int count = TornadoMath.min(128, until - j);
      int at = v + j * args.get(20) + column;
      for (int i = 0; i < count; i++) {
        sum += weights[i];
        left += weights[i] * heap.get(at + i * args.get(20));
      }
      if (item + 128 < dim) {
        for (int i = 0; i < count; i++) right += weights[i] * heap.get(at + 128 + i * args.get(20));
      }
    }
    int out = args.get(21) + b * args.get(22) + head * dim;
    float by = AttentionTiles.inverse(sum);
    if (item < dim) heap.set(out + item, left * by);
    if (item + 128 < dim) heap.set(out + item + 128, right * by);
    if (item == 0) heap.set(args.get(24) + c.groupIdx, AttentionTiles.logSum(max, sum));
  }
}
