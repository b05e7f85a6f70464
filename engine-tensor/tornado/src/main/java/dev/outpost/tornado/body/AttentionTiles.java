package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * What the kernels of attention share. Their args: 0 batch, queries, keys, heads, key heads,
 * headDim; 6 scale, soft cap, positions ahead and behind that a query sees, slopes or −1, lengths
 * or −1; then offset, batch stride and row stride of 12 q, 15 k, 18 v, 21 out; 24 lse; backward 25
 * dout, 28 dq, 31 dk, 34 dv; 37 delta.
 *
 * <p>A group that works on tiles has 16×8 items and holds a tile of 32×32 scores, 4×2 per item,
 * whose products it makes in pieces of 32 numbers, whose rows lie 33 apart so that they begin in
 * different banks; results it makes {@link #COLUMNS} columns at a time, 4×4 per item, and groups
 * along z share a head's columns.
 *
 * <p>Nothing here takes an array of the group: TornadoVM addresses those right only in the method
 * that allocates them.
 */
final class AttentionTiles {
  /** Rows, and columns, of a tile of scores. */
  static final int TILE = 32;

  /** Items of a group. */
  static final int ITEMS = 128;

  /** Columns of a result that a group makes. */
  static final int COLUMNS = 64;

  /** A score that is not there. */
  static final float NOTHING = Float.NEGATIVE_INFINITY;

  /** Below every score that matters, and finite, so that differences are numbers. */
  static final float LOW = -1e30f;

  /** The log-sum of a query that is not there: it gives no key any weight. */
  static final float NEVER = 1e30f;

  private AttentionTiles() {}

  /** A number of a part of a matrix that begins at {@code from}; 0 beyond its rows and columns. */
  static float at(FloatArray heap, int from, int stride, int row, int col, int rows, int cols) {
    float v = 0f;
    if (row < rows && col < cols) v = heap.get(from + row * stride + col);
    return v;
  }

  /** An item's four columns of a row of a result. */
  static void put(FloatArray heap, int to, int tx, int cols, float a, float b, float c, float d) {
    if (tx < cols) heap.set(to + tx, a);
    if (tx + 16 < cols) heap.set(to + tx + 16, b);
    if (tx + 32 < cols) heap.set(to + tx + 32, c);
    if (tx + 48 < cols) heap.set(to + tx + 48, d);
  }

  /** The scaled product, capped if there is a cap. */
  static float capped(float product, float scale, float cap) {
    float x = scale * product;
    if (cap != 0f) x = cap * TornadoMath.tanh(x / cap);
    return x;
  }

  /** The score of a key this far ahead of a query. */
  static float seen(float capped, float slope, int far, int ahead, int behind) {
    float score = NOTHING;
    if (far <= ahead && far >= -behind) score = capped + slope * far;
    return score;
  }

  /** The weight of a key, 0 where it is not seen. */
  static float weight(float capped, float slope, int far, int ahead, int behind, float lse) {
    float p = 0f;
    if (far <= ahead && far >= -behind) p = TornadoMath.exp(capped + slope * far - lse);
    return p;
  }

  /** The derivative of {@link #capped} by the product. */
  static float steepness(float capped, float scale, float cap) {
    float slope = scale;
    if (cap != 0f) slope = scale * (1f - (capped / cap) * (capped / cap));
    return slope;
  }

  /** Number {@code i} of {@code count}, or another beyond them. */
  static float number(FloatArray heap, int from, int i, int count, float otherwise) {
    float v = otherwise;
    if (i < count) v = heap.get(from + i);
    return v;
  }

  /** What weights of this sum are multiplied by to sum to 1; 0 where there are none. */
  static float inverse(float sum) {
    return sum == 0f ? 0f : 1f / sum;
  }

  /** The log-sum of scores, from the sum of {@code exp(score − max)}; {@link #NOTHING} of none. */
  static float logSum(float max, float sum) {
    return sum == 0f ? NOTHING : max + TornadoMath.log(sum);
  }
}
