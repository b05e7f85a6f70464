package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Floats by their bits: those of a call, and those of a page of weights, whose little-endian words
 * hold one f32 or two 16-bit numbers each. TornadoVM has no operation that takes bits for a float,
 * so powers of two come from a table at the heap's beginning; the products are exact.
 */
public final class Stored {
  /** Codes of the stored types. */
  public static final int F32 = 0;

  public static final int F16 = 1;
  public static final int BF16 = 2;

  /** Numbers of the table: one per exponent. */
  public static final int TABLE = 256;

  /** Which of them is 1. */
  static final int ONE = 127;

  private Stored() {}

  /** What the heap's first {@link #TABLE} numbers must be: 2 to the power of i − 127. */
  public static float[] table() {
    float[] powers = new float[TABLE];
    for (int i = 0; i < TABLE; i++) powers[i] = (float) Math.pow(2, i - 127);
    return powers;
  }

  /** The float of these bits; what is smaller than 2⁻¹²⁶ becomes 0, and NaN infinite. */
  public static float real(FloatArray heap, int bits) {
    int exponent = (bits >>> 23) & 255;
    float fraction = ((bits & 0x7fffff) | 0x800000) * 1.1920929E-7f;
    float size = exponent == 0 ? 0f : fraction * heap.get(exponent);
    return bits < 0 ? -size : size;
  }

  /** Number {@code i}, counted in numbers of its type from the page's beginning. */
  public static float read(IntArray page, int type, int i, FloatArray heap) {
    if (type == F32) return real(heap, page.get(i));
    int word = page.get(i >> 1);
    int half = (i & 1) == 0 ? word & 0xffff : word >>> 16;
    if (type == BF16) return real(heap, half << 16);
    int sign = (half & 0x8000) << 16;
    int exponent = (half >>> 10) & 31;
    int fraction = half & 1023;
    if (exponent == 0) {
      // Counted in the smallest binary16 number, 2^-24; there is no operation that normalises.
      float tiny = fraction * 5.9604645E-8f;
      return sign == 0 ? tiny : -tiny;
    }
    return real(heap, sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13);
  }
}
