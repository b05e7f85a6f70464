package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Numbers of a page of weights: little-endian words that hold one f32 or two 16-bit numbers. */
public final class Stored {
  /** Codes of the stored types. */
  public static final int F32 = 0;

  public static final int F16 = 1;
  public static final int BF16 = 2;

  private Stored() {}

  /** Number {@code i}, counted in numbers of its type from the page's beginning. */
  public static float read(IntArray page, int type, int i) {
    if (type == F32) return Float.intBitsToFloat(page.get(i));
    int word = page.get(i >> 1);
    int half = (i & 1) == 0 ? word & 0xffff : word >>> 16;
    return type == BF16 ? Float.intBitsToFloat(half << 16) : binary16(half);
  }

  /** A binary16 number by its bits, without the device knowing that type. */
  private static float binary16(int half) {
    int sign = (half & 0x8000) << 16;
    int exponent = (half >>> 10) & 31;
    int fraction = half & 1023;
    if (exponent == 0) {
      float tiny = fraction * 5.9604645E-8f;
      return sign == 0 ? tiny : -tiny;
    }
    int wide = exponent == 31 ? 255 : exponent + 112;
    return Float.intBitsToFloat(sign | wide << 23 | fraction << 13);
  }
}
