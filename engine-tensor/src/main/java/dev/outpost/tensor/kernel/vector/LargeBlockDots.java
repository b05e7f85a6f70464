package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.all;
import static dev.outpost.tensor.kernel.vector.Lanes.load;
import static dev.outpost.tensor.kernel.vector.SmallBlockDots.PARTS;
import static dev.outpost.tensor.kernel.vector.SmallBlockDots.floats;
import static dev.outpost.tensor.kernel.vector.SmallBlockDots.high;
import static dev.outpost.tensor.kernel.vector.SmallBlockDots.low;
import static dev.outpost.tensor.kernel.vector.SmallBlockDots.wide;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * GGUF's blocks of 256, as {@link SmallBlockDots}. A block has 8 or 16 scales of its own, so its
 * parts are an inner loop.
 */
final class LargeBlockDots {
  private static final int SIZE = 256;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LE);
  private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LE);

  private LargeBlockDots() {}

  static void q4(MemorySegment segment, long at, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    long o = at / SIZE * 144;
    for (int r = 0; r < rows; r++) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      for (int p = 0; p < k; p += SIZE, o += 144) {
        float d = half(s, o);
        float e = half(s, o + 2);
        long scales = scales(s, o + 4);
        long minima = minima(s, o + 4);
        for (int c = 0; c < 4; c++) {
          FloatVector d0 = all(d * (scales & 63));
          FloatVector m0 = all(-e * (minima & 63));
          FloatVector d1 = all(d * (scales >> 8 & 63));
          FloatVector m1 = all(-e * (minima >> 8 & 63));
          scales >>= 16;
          minima >>= 16;
          int xp = p + 64 * c;
          for (int i = 0; i < 2 * PARTS; i++) {
            IntVector q = wide(s, o + 16 + 32L * c + i / PARTS * 16L, i % PARTS);
            s0 = floats(low(q)).fma(d0, m0).fma(load(x, xp + i * VL), s0);
            s1 = floats(high(q)).fma(d1, m1).fma(load(x, xp + 32 + i * VL), s1);
          }
        }
      }
      y[yo + r] = Lanes.sum(s0.add(s1));
    }
  }

  static void q5(MemorySegment segment, long at, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    long o = at / SIZE * 176;
    for (int r = 0; r < rows; r++) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      for (int p = 0; p < k; p += SIZE, o += 176) {
        float d = half(s, o);
        float e = half(s, o + 2);
        long scales = scales(s, o + 4);
        long minima = minima(s, o + 4);
        for (int c = 0; c < 4; c++) {
          FloatVector d0 = all(d * (scales & 63));
          FloatVector m0 = all(-e * (minima & 63));
          FloatVector d1 = all(d * (scales >> 8 & 63));
          FloatVector m1 = all(-e * (minima >> 8 & 63));
          scales >>= 16;
          minima >>= 16;
          int xp = p + 64 * c;
          for (int i = 0; i < 2 * PARTS; i++) {
            IntVector t = fifths(s, o + 16 + i / PARTS * 16L, i % PARTS, c);
            IntVector q = wide(s, o + 48 + 32L * c + i / PARTS * 16L, i % PARTS);
            s0 = floats(even(q, t)).fma(d0, m0).fma(load(x, xp + i * VL), s0);
            s1 = floats(odd(q, t)).fma(d1, m1).fma(load(x, xp + 32 + i * VL), s1);
          }
        }
      }
      y[yo + r] = Lanes.sum(s0.add(s1));
    }
  }

  static void q6(MemorySegment segment, long at, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    long o = at / SIZE * 210;
    for (int r = 0; r < rows; r++) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = FloatVector.zero(F);
      for (int p = 0; p < k; p += SIZE, o += 210) {
        float d = half(s, o + 208);
        for (int g = 0; g < 8; g++) {
          FloatVector d0 = scaled(s, o + 192 + 2L * g, d);
          FloatVector d1 = scaled(s, o + 193 + 2L * g, d);
          int xp = p + 32 * g;
          for (int i = 0; i < PARTS; i++) {
            s0 = six(s, o, g, 0, i).mul(d0).fma(load(x, xp + i * VL), s0);
            s1 = six(s, o, g, 16, i).mul(d1).fma(load(x, xp + 16 + i * VL), s1);
          }
        }
      }
      y[yo + r] = Lanes.sum(s0.add(s1));
    }
  }

  /** n numbers from byte {@code from}, whole blocks. */
  static void q4(MemorySegment segment, long from, int n, float[] dst, int to) {
    MemorySegment s = NativeSegments.known(segment);
    long o = from;
    for (int p = to; p < to + n; p += SIZE, o += 144) {
      float d = half(s, o);
      float e = half(s, o + 2);
      long scales = scales(s, o + 4);
      long minima = minima(s, o + 4);
      for (int c = 0; c < 4; c++, scales >>= 16, minima >>= 16)
        for (int i = 0; i < 2 * PARTS; i++) {
          IntVector q = wide(s, o + 16 + 32L * c + i / PARTS * 16L, i % PARTS);
          int at = p + 64 * c + i * VL;
          floats(low(q)).fma(all(d * (scales & 63)), all(-e * (minima & 63))).intoArray(dst, at);
          floats(high(q))
              .fma(all(d * (scales >> 8 & 63)), all(-e * (minima >> 8 & 63)))
              .intoArray(dst, at + 32);
        }
    }
  }

  static void q5(MemorySegment segment, long from, int n, float[] dst, int to) {
    MemorySegment s = NativeSegments.known(segment);
    long o = from;
    for (int p = to; p < to + n; p += SIZE, o += 176) {
      float d = half(s, o);
      float e = half(s, o + 2);
      long scales = scales(s, o + 4);
      long minima = minima(s, o + 4);
      for (int c = 0; c < 4; c++, scales >>= 16, minima >>= 16)
        for (int i = 0; i < 2 * PARTS; i++) {
          IntVector t = fifths(s, o + 16 + i / PARTS * 16L, i % PARTS, c);
          IntVector q = wide(s, o + 48 + 32L * c + i / PARTS * 16L, i % PARTS);
          int at = p + 64 * c + i * VL;
          floats(even(q, t))
              .fma(all(d * (scales & 63)), all(-e * (minima & 63)))
              .intoArray(dst, at);
          floats(odd(q, t))
              .fma(all(d * (scales >> 8 & 63)), all(-e * (minima >> 8 & 63)))
              .intoArray(dst, at + 32);
        }
    }
  }

  static void q6(MemorySegment segment, long from, int n, float[] dst, int to) {
    MemorySegment s = NativeSegments.known(segment);
    long o = from;
    for (int p = to; p < to + n; p += SIZE, o += 210) {
      float d = half(s, o + 208);
      for (int g = 0; g < 8; g++)
        for (int i = 0; i < PARTS; i++) {
          int at = p + 32 * g + i * VL;
          six(s, o, g, 0, i).mul(scaled(s, o + 192 + 2L * g, d)).intoArray(dst, at);
          six(s, o, g, 16, i).mul(scaled(s, o + 193 + 2L * g, d)).intoArray(dst, at + 16);
        }
    }
  }

  private static float half(MemorySegment s, long at) {
    return Float.float16ToFloat(s.get(U16, at));
  }

  private static FloatVector scaled(MemorySegment s, long at, float d) {
    return all(d * s.get(ValueLayout.JAVA_BYTE, at));
  }

  /**
   * The eight scales of six bits in the twelve bytes at {@code at}, a byte each: four bytes hold
   * the first four and the others' top two bits, the last four bytes the rest of these in their low
   * halves.
   */
  private static long scales(MemorySegment s, long at) {
    int a = s.get(I32, at);
    int c = s.get(I32, at + 8);
    int others = c & 0x0f0f0f0f | a >>> 2 & 0x30303030;
    return a & 0x3f3f3f3f | (long) others << 32;
  }

  /** The eight minima likewise, from the second four bytes and high halves. */
  private static long minima(MemorySegment s, long at) {
    int b = s.get(I32, at + 4);
    int c = s.get(I32, at + 8);
    int others = c >>> 4 & 0x0f0f0f0f | b >>> 2 & 0x30303030;
    return b & 0x3f3f3f3f | (long) others << 32;
  }

  /** Bits 2c and 2c + 1 of each byte as bits 4 and 5. */
  private static IntVector fifths(MemorySegment s, long at, int part, int c) {
    return wide(s, at, part)
        .lanewise(VectorOperators.LSHL, 4)
        .lanewise(VectorOperators.LSHR, 2 * c);
  }

  private static IntVector even(IntVector q, IntVector t) {
    return low(q).or(t.and(16));
  }

  private static IntVector odd(IntVector q, IntVector t) {
    return high(q).or(t.lanewise(VectorOperators.LSHR, 1).and(16));
  }

  /**
   * Part i of 16 numbers of six bits: of the g-th 32 of a block at {@code o}, those from {@code
   * from}. Each half of a block has 64 bytes with low four bits, read twice, and 32 with high two,
   * read four times.
   */
  private static FloatVector six(MemorySegment s, long o, int g, int from, int i) {
    IntVector low =
        wide(s, o + g / 4 * 64L + g % 2 * 32L + from, i)
            .lanewise(VectorOperators.LSHR, g % 4 / 2 * 4)
            .and(15);
    IntVector high =
        wide(s, o + 128 + g / 4 * 32L + from, i)
            .lanewise(VectorOperators.LSHL, 4)
            .lanewise(VectorOperators.LSHR, g % 4 * 2)
            .and(48);
    return floats(low.or(high).sub(32));
  }
}
