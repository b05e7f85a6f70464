package dev.outpost.tensor.io;

import dev.outpost.tensor.DType;
import java.nio.ByteBuffer;

/** Rounds numbers to GGUF blocks, bit for bit as ggml's reference functions do. */
final class Quantize {
  private Quantize() {}

  /**
   * Appends one block of 32 numbers.
   *
   * @param out little-endian
   * @throws IllegalArgumentException for numbers that no block can hold
   */
  static void block(DType type, float[] x, int from, ByteBuffer out) {
    switch (type) {
      case Q8_0 -> q8(x, from, out);
      case Q4_0 -> q4(x, from, out);
      case F32, F16, BF16 -> throw new IllegalArgumentException(type + " has no blocks");
      case Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K ->
          throw new IllegalArgumentException(type + " is only read");
    }
  }

  /** Whether numbers can be rounded to {@code type}; the other types are only read and copied. */
  static boolean can(DType type) {
    return switch (type) {
      case F32, F16, BF16, Q8_0, Q4_0 -> true;
      case Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K -> false;
    };
  }

  /** d = max |x| / 127, q = x/d rounded half away from zero. */
  private static void q8(float[] x, int from, ByteBuffer out) {
    float largest = Math.abs(x[largest(x, from)]);
    float d = largest / 127;
    float inverse = d == 0 ? 0 : 1 / d;
    out.putShort(scale(d));
    for (int i = from; i < from + 32; i++) {
      float v = x[i] * inverse;
      out.put((byte) (int) Math.copySign(Math.floor(Math.abs((double) v) + 0.5), v));
    }
  }

  /** d = the x of largest magnitude / −8, q = x/d + 8 rounded, at most 15. */
  private static void q4(float[] x, int from, ByteBuffer out) {
    float d = x[largest(x, from)] / -8;
    float inverse = d == 0 ? 0 : 1 / d;
    out.putShort(scale(d));
    for (int i = from; i < from + 16; i++)
      out.put((byte) (nibble(x[i], inverse) | nibble(x[i + 16], inverse) << 4));
  }

  private static int nibble(float x, float inverse) {
    return Math.min(15, (int) (x * inverse + 8.5f));
  }

  private static int largest(float[] x, int from) {
    int at = from;
    for (int i = from; i < from + 32; i++) {
      if (!Float.isFinite(x[i]))
        throw new IllegalArgumentException("holds " + x[i] + ", which blocks cannot");
      if (Math.abs(x[i]) > Math.abs(x[at])) at = i;
    }
    return at;
  }

  private static short scale(float d) {
    short half = Float.floatToFloat16(d);
    if (!Float.isFinite(Float.float16ToFloat(half)))
      throw new IllegalArgumentException("holds numbers too large for a binary16 scale");
    return half;
  }
}
