package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.I;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Dot products with rows of GGUF blocks. The integers become f32 lanes, so the result is as exact
 * as a product with the decoded numbers: x is not rounded to bytes, as integer dot instructions
 * (out of the Vector API's reach) would need. One loop runs through all rows for the reason {@link
 * SegmentDots} gives. A block is written out in the loop: as a method of its own C2 finds it too
 * big to inline once it has met two kinds of segments, and then every sum is an object. Where a
 * vector takes half a block at once two blocks go in a round: most instructions check bounds and
 * count, and C2 shares those within a round (2.7 → 2.1 ns per block of Q4_0 on a Zen 4). Three are
 * past what C2 inlines.
 */
final class QuantDots {
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LE);

  /** Vectors of floats that 16 bytes fill. */
  private static final int PARTS = 16 / VL;

  private QuantDots() {}

  /** As {@link SegmentDots#rows}, for rows without gaps. */
  static void q8(MemorySegment segment, long at, int rows, float[] x, int k, float[] y, int yo) {
    if (PARTS == 1 && k % 64 == 0) q8Pairs(segment, at, rows, x, k, y, yo);
    else q8Blocks(segment, at, rows, x, k, y, yo);
  }

  private static void q8Pairs(
      MemorySegment segment, long at, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector sum = FloatVector.zero(F);
    int p = 0;
    int r = yo;
    long end = (at + (long) rows * k) / 32 * 34;
    for (long o = at / 32 * 34; o < end; o += 68) {
      FloatVector t = bytes(s, o + 2, 0).mul(load(x, p));
      t = bytes(s, o + 18, 0).fma(load(x, p + 16), t);
      sum = scale(s, o).fma(t, sum);
      t = bytes(s, o + 36, 0).mul(load(x, p + 32));
      t = bytes(s, o + 52, 0).fma(load(x, p + 48), t);
      sum = scale(s, o + 34).fma(t, sum);
      p += 64;
      if (p >= k) {
        y[r++] = Lanes.sum(sum);
        sum = FloatVector.zero(F);
        p = 0;
      }
    }
  }

  private static void q8Blocks(
      MemorySegment segment, long at, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector sum = FloatVector.zero(F);
    int p = 0;
    int r = yo;
    long end = (at + (long) rows * k) / 32 * 34;
    for (long o = at / 32 * 34; o < end; o += 34) {
      FloatVector t = bytes(s, o + 2, 0).mul(load(x, p));
      t = bytes(s, o + 18, 0).fma(load(x, p + 16), t);
      for (int i = 1; PARTS > 1 && i < PARTS; i++) {
        t = bytes(s, o + 2, i).fma(load(x, p + i * VL), t);
        t = bytes(s, o + 18, i).fma(load(x, p + 16 + i * VL), t);
      }
      sum = scale(s, o).fma(t, sum);
      p += 32;
      if (p >= k) {
        y[r++] = Lanes.sum(sum);
        sum = FloatVector.zero(F);
        p = 0;
      }
    }
  }

  /** Part i of 16 signed bytes as floats. */
  static FloatVector bytes(MemorySegment s, long at, int i) {
    return (FloatVector)
        ByteVector.fromMemorySegment(ByteVector.SPECIES_128, s, at, LE)
            .convertShape(VectorOperators.B2F, F, i);
  }

  static FloatVector scale(MemorySegment s, long at) {
    return FloatVector.broadcast(F, Float.float16ToFloat(s.get(U16, at)));
  }

  /**
   * Scales the first half of each block of x for {@link #q4}, which reads low halves of bytes 2²⁸
   * times too large. Exact unless |x| is below 2⁻⁹⁸.
   */
  static void prepared(float[] x, int k) {
    for (int p = 0; p < k; p += 32) for (int i = p; i < p + 16; i++) x[i] *= 0x1p-28f;
  }

  /** As {@link SegmentDots#rows}, for rows without gaps and an x that is {@link #prepared}. */
  static void q4(MemorySegment segment, long at, int rows, float[] x, int k, float[] y, int yo) {
    if (PARTS == 1 && k % 64 == 0) q4Pairs(segment, at, rows, x, k, y, yo);
    else q4Blocks(segment, at, rows, x, k, y, yo);
  }

  private static void q4Pairs(
      MemorySegment segment, long at, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector sum = FloatVector.zero(F);
    int p = 0;
    int r = yo;
    long end = (at + (long) rows * k) / 32 * 18;
    for (long o = at / 32 * 18; o < end; o += 36) {
      IntVector q = nibbles(s, o + 2, 0);
      FloatVector t = low(q).mul(load(x, p));
      t = high(q).fma(load(x, p + 16), t);
      sum = scale(s, o).fma(t, sum);
      q = nibbles(s, o + 20, 0);
      t = low(q).mul(load(x, p + 32));
      t = high(q).fma(load(x, p + 48), t);
      sum = scale(s, o + 18).fma(t, sum);
      p += 64;
      if (p >= k) {
        y[r++] = Lanes.sum(sum);
        sum = FloatVector.zero(F);
        p = 0;
      }
    }
  }

  private static void q4Blocks(
      MemorySegment segment, long at, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector sum = FloatVector.zero(F);
    int p = 0;
    int r = yo;
    long end = (at + (long) rows * k) / 32 * 18;
    for (long o = at / 32 * 18; o < end; o += 18) {
      IntVector first = nibbles(s, o + 2, 0);
      FloatVector t = low(first).mul(load(x, p));
      t = high(first).fma(load(x, p + 16), t);
      for (int i = 1; PARTS > 1 && i < PARTS; i++) {
        IntVector q = nibbles(s, o + 2, i);
        t = low(q).fma(load(x, p + i * VL), t);
        t = high(q).fma(load(x, p + 16 + i * VL), t);
      }
      sum = scale(s, o).fma(t, sum);
      p += 32;
      if (p >= k) {
        y[r++] = Lanes.sum(sum);
        sum = FloatVector.zero(F);
        p = 0;
      }
    }
  }

  /** Part i of 16 bytes, each half in two's complement: flipping its top bit subtracts 8. */
  static IntVector nibbles(MemorySegment s, long at, int i) {
    return (IntVector)
        ByteVector.fromMemorySegment(ByteVector.SPECIES_128, s, at, LE)
            .lanewise(VectorOperators.XOR, (byte) 0x88)
            .convertShape(VectorOperators.B2I, I, i);
  }

  /** The low halves times 2²⁸. */
  static FloatVector low(IntVector q) {
    return (FloatVector) q.lanewise(VectorOperators.LSHL, 28).convert(VectorOperators.I2F, 0);
  }

  static FloatVector high(IntVector q) {
    return (FloatVector) q.lanewise(VectorOperators.ASHR, 4).convert(VectorOperators.I2F, 0);
  }
}
