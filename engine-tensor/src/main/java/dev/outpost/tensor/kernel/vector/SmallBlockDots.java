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
 * GGUF's blocks of 32 with a minimum or a fifth bit: dot products with rows of them, and their
 * numbers written out. The products and sums of a number are exact (see the specification), so both
 * see the same numbers. One loop through all rows, for {@link SegmentDots}' reasons.
 */
final class SmallBlockDots {
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LE);
  private static final IntVector LANE = IntVector.zero(I).addIndex(1);

  /** Vectors of numbers that 16 bytes fill. */
  static final int PARTS = 16 / VL;

  private SmallBlockDots() {}

  static void q41(MemorySegment segment, long at, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    int p = 0;
    int r = yo;
    long end = (at + (long) rows * k) / 32 * 20;
    for (long o = at / 32 * 20; o < end; o += 20) {
      FloatVector d = QuantDots.scale(s, o);
      FloatVector m = QuantDots.scale(s, o + 2);
      for (int i = 0; i < PARTS; i++) {
        IntVector q = wide(s, o + 4, i);
        s0 = floats(low(q)).fma(d, m).fma(load(x, p + i * VL), s0);
        s1 = floats(high(q)).fma(d, m).fma(load(x, p + 16 + i * VL), s1);
      }
      p += 32;
      if (p >= k) {
        y[r++] = Lanes.sum(s0.add(s1));
        s0 = FloatVector.zero(F);
        s1 = FloatVector.zero(F);
        p = 0;
      }
    }
  }

  static void q50(MemorySegment segment, long at, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    int p = 0;
    int r = yo;
    long end = (at + (long) rows * k) / 32 * 22;
    for (long o = at / 32 * 22; o < end; o += 22) {
      FloatVector d = QuantDots.scale(s, o);
      int top = s.get(I32, o + 2);
      for (int i = 0; i < PARTS; i++) {
        IntVector q = wide(s, o + 6, i);
        IntVector a = low(q).or(fifth(top >>> i * VL)).sub(16);
        IntVector b = high(q).or(fifth(top >>> 16 + i * VL)).sub(16);
        s0 = floats(a).mul(d).fma(load(x, p + i * VL), s0);
        s1 = floats(b).mul(d).fma(load(x, p + 16 + i * VL), s1);
      }
      p += 32;
      if (p >= k) {
        y[r++] = Lanes.sum(s0.add(s1));
        s0 = FloatVector.zero(F);
        s1 = FloatVector.zero(F);
        p = 0;
      }
    }
  }

  static void q51(MemorySegment segment, long at, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    int p = 0;
    int r = yo;
    long end = (at + (long) rows * k) / 32 * 24;
    for (long o = at / 32 * 24; o < end; o += 24) {
      FloatVector d = QuantDots.scale(s, o);
      FloatVector m = QuantDots.scale(s, o + 2);
      int top = s.get(I32, o + 4);
      for (int i = 0; i < PARTS; i++) {
        IntVector q = wide(s, o + 8, i);
        IntVector a = low(q).or(fifth(top >>> i * VL));
        IntVector b = high(q).or(fifth(top >>> 16 + i * VL));
        s0 = floats(a).fma(d, m).fma(load(x, p + i * VL), s0);
        s1 = floats(b).fma(d, m).fma(load(x, p + 16 + i * VL), s1);
      }
      p += 32;
      if (p >= k) {
        y[r++] = Lanes.sum(s0.add(s1));
        s0 = FloatVector.zero(F);
        s1 = FloatVector.zero(F);
        p = 0;
      }
    }
  }

  /** n numbers from byte {@code from}, whole blocks. */
  static void q41(MemorySegment segment, long from, int n, float[] dst, int to) {
    MemorySegment s = NativeSegments.known(segment);
    long o = from;
    for (int c = to; c < to + n; c += 32, o += 20) {
      FloatVector d = QuantDots.scale(s, o);
      FloatVector m = QuantDots.scale(s, o + 2);
      for (int i = 0; i < PARTS; i++) {
        IntVector q = wide(s, o + 4, i);
        floats(low(q)).fma(d, m).intoArray(dst, c + i * VL);
        floats(high(q)).fma(d, m).intoArray(dst, c + 16 + i * VL);
      }
    }
  }

  static void q50(MemorySegment segment, long from, int n, float[] dst, int to) {
    MemorySegment s = NativeSegments.known(segment);
    long o = from;
    for (int c = to; c < to + n; c += 32, o += 22) {
      FloatVector d = QuantDots.scale(s, o);
      int top = s.get(I32, o + 2);
      for (int i = 0; i < PARTS; i++) {
        IntVector q = wide(s, o + 6, i);
        IntVector a = low(q).or(fifth(top >>> i * VL)).sub(16);
        IntVector b = high(q).or(fifth(top >>> 16 + i * VL)).sub(16);
        floats(a).mul(d).intoArray(dst, c + i * VL);
        floats(b).mul(d).intoArray(dst, c + 16 + i * VL);
      }
    }
  }

  static void q51(MemorySegment segment, long from, int n, float[] dst, int to) {
    MemorySegment s = NativeSegments.known(segment);
    long o = from;
    for (int c = to; c < to + n; c += 32, o += 24) {
      FloatVector d = QuantDots.scale(s, o);
      FloatVector m = QuantDots.scale(s, o + 2);
      int top = s.get(I32, o + 4);
      for (int i = 0; i < PARTS; i++) {
        IntVector q = wide(s, o + 8, i);
        IntVector a = low(q).or(fifth(top >>> i * VL));
        IntVector b = high(q).or(fifth(top >>> 16 + i * VL));
        floats(a).fma(d, m).intoArray(dst, c + i * VL);
        floats(b).fma(d, m).intoArray(dst, c + 16 + i * VL);
      }
    }
  }

  /** Part i of 16 bytes. */
  static IntVector wide(MemorySegment s, long at, int i) {
    return (IntVector)
        ByteVector.fromMemorySegment(ByteVector.SPECIES_128, s, at, LE)
            .convertShape(VectorOperators.B2I, I, i);
  }

  /** Low halves of bytes. */
  static IntVector low(IntVector q) {
    return q.and(15);
  }

  /** High halves of bytes. */
  static IntVector high(IntVector q) {
    return q.lanewise(VectorOperators.LSHR, 4).and(15);
  }

  static FloatVector floats(IntVector q) {
    return (FloatVector) q.convert(VectorOperators.I2F, 0);
  }

  /** Bit j of {@code bits} as the fifth bit of lane j. */
  private static IntVector fifth(int bits) {
    return IntVector.broadcast(I, bits)
        .lanewise(VectorOperators.LSHR, LANE)
        .and(1)
        .lanewise(VectorOperators.LSHL, 4);
  }
}
