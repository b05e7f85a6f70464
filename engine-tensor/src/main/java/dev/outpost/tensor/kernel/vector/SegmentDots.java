package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.H;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.weight.MappedWeight;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Dot products of a vector with rows of a stored matrix, decoded on the way to the registers: the
 * product of batch-1 decoding, bound by reading the matrix.
 *
 * <p>Two measured rules shape these loops. Rows are read one after the other, for a memory
 * controller follows one stream far better than four (25 against 15 GB/s on a Zen 4). And one loop
 * runs through all rows, with the end of a row a branch inside it. A segment's index is a long: C2
 * makes a loop with such checks a nest and works out before it, access by access, where the checks
 * may be left out. For a row of 576 numbers that took as long as the row (12 against 19 GB/s).
 */
final class SegmentDots {
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  /** All bits of a half but its sign. */
  private static final short MAGNITUDE = 0x7fff;

  private static final short INFINITY = 0x7c00;

  private SegmentDots() {}

  /**
   * {@code y[yo + r] = Σ_p x[p]·row_r[p]}, row r beginning at element {@code at + r·stride}.
   *
   * @param x k numbers; for Q4_0 as {@link QuantDots#prepared} leaves them
   * @param k numbers in a row; for a blocked type, as {@code at} and {@code stride}, whole blocks
   */
  static void rows(
      MemorySegment s,
      DType type,
      long at,
      long stride,
      int rows,
      float[] x,
      int k,
      float[] y,
      int yo) {
    if (stride == k) touching(s, type, at, rows, x, k, y, yo);
    else for (int r = 0; r < rows; r++) touching(s, type, at + r * stride, 1, x, k, y, yo + r);
  }

  /** Rows without gaps. */
  private static void touching(
      MemorySegment s, DType type, long at, int rows, float[] x, int k, float[] y, int yo) {
    boolean even = k % (4 * VL) == 0;
    switch (type) {
      case F32 -> {
        if (even) f32Rows(s, at, rows, x, k, y, yo);
        else for (int r = 0; r < rows; r++) y[yo + r] = f32(s, at + (long) r * k, x, k);
      }
      case F16 -> {
        if (even && f16Rows(s, at, rows, x, k, y, yo)) return;
        for (int r = 0; r < rows; r++) y[yo + r] = f16(s, at + (long) r * k, x, k);
      }
      case BF16 -> {
        if (even) bf16Rows(s, at, rows, x, k, y, yo);
        else for (int r = 0; r < rows; r++) y[yo + r] = bf16(s, at + (long) r * k, x, k);
      }
      case Q8_0 -> QuantDots.q8(s, at, rows, x, k, y, yo);
      case Q4_0 -> QuantDots.q4(s, at, rows, x, k, y, yo);
      case Q4_1 -> SmallBlockDots.q41(s, at, rows, x, k, y, yo);
      case Q5_0 -> SmallBlockDots.q50(s, at, rows, x, k, y, yo);
      case Q5_1 -> SmallBlockDots.q51(s, at, rows, x, k, y, yo);
      case Q4_K -> LargeBlockDots.q4(s, at, rows, x, k, y, yo);
      case Q5_K -> LargeBlockDots.q5(s, at, rows, x, k, y, yo);
      case Q6_K -> LargeBlockDots.q6(s, at, rows, x, k, y, yo);
    }
  }

  private static void f32Rows(
      MemorySegment segment, long element, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector zero = FloatVector.zero(F);
    FloatVector s0 = zero;
    FloatVector s1 = zero;
    FloatVector s2 = zero;
    FloatVector s3 = zero;
    int p = 0;
    int r = yo;
    long end = (element + (long) rows * k) * 4;
    for (long o = element * 4; o < end; o += 16L * VL) {
      s0 = f32At(s, o).fma(load(x, p), s0);
      s1 = f32At(s, o + 4L * VL).fma(load(x, p + VL), s1);
      s2 = f32At(s, o + 8L * VL).fma(load(x, p + 2 * VL), s2);
      s3 = f32At(s, o + 12L * VL).fma(load(x, p + 3 * VL), s3);
      p += 4 * VL;
      if (p >= k) {
        y[r++] = Lanes.sum(s0.add(s1).add(s2.add(s3)));
        s0 = zero;
        s1 = zero;
        s2 = zero;
        s3 = zero;
        p = 0;
      }
    }
  }

  /**
   * As if all numbers were finite: the bits moved to single's fields are the number times 2⁻¹¹²,
   * sign and subnormals included, and the choice for infinity and NaN costs as much as the rest.
   * False if one of them is not finite; then y holds nothing of use.
   */
  private static boolean f16Rows(
      MemorySegment segment, long element, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector zero = FloatVector.zero(F);
    FloatVector s0 = zero;
    FloatVector s1 = zero;
    ShortVector largest = ShortVector.zero(H);
    int p = 0;
    int r = yo;
    long end = (element + (long) rows * k) * 2;
    for (long o = element * 2; o < end; o += 4L * VL) {
      ShortVector h = ShortVector.fromMemorySegment(H, s, o, LE);
      largest = largest.max(h.and(MAGNITUDE));
      s0 = Decode.finite(h).fma(load(x, p), s0);
      h = ShortVector.fromMemorySegment(H, s, o + 2L * VL, LE);
      largest = largest.max(h.and(MAGNITUDE));
      s1 = Decode.finite(h).fma(load(x, p + VL), s1);
      p += 2 * VL;
      if (p >= k) {
        y[r++] = Lanes.sum(s0.add(s1));
        s0 = zero;
        s1 = zero;
        p = 0;
      }
    }
    return !largest.compare(VectorOperators.GE, INFINITY).anyTrue();
  }

  private static void bf16Rows(
      MemorySegment segment, long element, int rows, float[] x, int k, float[] y, int yo) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector zero = FloatVector.zero(F);
    FloatVector s0 = zero;
    FloatVector s1 = zero;
    FloatVector s2 = zero;
    FloatVector s3 = zero;
    int p = 0;
    int r = yo;
    long end = (element + (long) rows * k) * 2;
    for (long o = element * 2; o < end; o += 8L * VL) {
      s0 = Decode.bf16(s, o).fma(load(x, p), s0);
      s1 = Decode.bf16(s, o + 2L * VL).fma(load(x, p + VL), s1);
      s2 = Decode.bf16(s, o + 4L * VL).fma(load(x, p + 2 * VL), s2);
      s3 = Decode.bf16(s, o + 6L * VL).fma(load(x, p + 3 * VL), s3);
      p += 4 * VL;
      if (p >= k) {
        y[r++] = Lanes.sum(s0.add(s1).add(s2.add(s3)));
        s0 = zero;
        s1 = zero;
        s2 = zero;
        s3 = zero;
        p = 0;
      }
    }
  }

  private static FloatVector f32At(MemorySegment s, long at) {
    return FloatVector.fromMemorySegment(F, s, at, LE);
  }

  private static float f32(MemorySegment segment, long element, float[] x, int k) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    FloatVector s3 = FloatVector.zero(F);
    long o = element * 4;
    long end = o + 4L * Lanes.bound(k);
    int p = 0;
    for (; o + 16L * VL <= end; o += 16L * VL, p += 4 * VL) {
      s0 = f32At(s, o).fma(load(x, p), s0);
      s1 = f32At(s, o + 4L * VL).fma(load(x, p + VL), s1);
      s2 = f32At(s, o + 8L * VL).fma(load(x, p + 2 * VL), s2);
      s3 = f32At(s, o + 12L * VL).fma(load(x, p + 3 * VL), s3);
    }
    for (; o < end; o += 4L * VL, p += VL) s0 = f32At(s, o).fma(load(x, p), s0);
    return rest(Lanes.sum(s0.add(s1).add(s2.add(s3))), s, DType.F32, element, x, p, k);
  }

  private static float bf16(MemorySegment segment, long element, float[] x, int k) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    FloatVector s3 = FloatVector.zero(F);
    long o = element * 2;
    long end = o + 2L * Lanes.bound(k);
    int p = 0;
    for (; o + 8L * VL <= end; o += 8L * VL, p += 4 * VL) {
      s0 = Decode.bf16(s, o).fma(load(x, p), s0);
      s1 = Decode.bf16(s, o + 2L * VL).fma(load(x, p + VL), s1);
      s2 = Decode.bf16(s, o + 4L * VL).fma(load(x, p + 2 * VL), s2);
      s3 = Decode.bf16(s, o + 6L * VL).fma(load(x, p + 3 * VL), s3);
    }
    for (; o < end; o += 2L * VL, p += VL) s0 = Decode.bf16(s, o).fma(load(x, p), s0);
    return rest(Lanes.sum(s0.add(s1).add(s2.add(s3))), s, DType.BF16, element, x, p, k);
  }

  private static float f16(MemorySegment segment, long element, float[] x, int k) {
    MemorySegment s = NativeSegments.known(segment);
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    long o = element * 2;
    long end = o + 2L * Lanes.bound(k);
    int p = 0;
    for (; o + 4L * VL <= end; o += 4L * VL, p += 2 * VL) {
      s0 = Decode.f16(s, o).fma(load(x, p), s0);
      s1 = Decode.f16(s, o + 2L * VL).fma(load(x, p + VL), s1);
    }
    for (; o < end; o += 2L * VL, p += VL) s0 = Decode.f16(s, o).fma(load(x, p), s0);
    return rest(Lanes.sum(s0.add(s1)), s, DType.F16, element, x, p, k);
  }

  private static float rest(
      float sum, MemorySegment s, DType type, long element, float[] x, int from, int k) {
    float t = sum;
    for (int p = from; p < k; p++) t = Math.fma(x[p], MappedWeight.decode(s, type, element + p), t);
    return t;
  }
}
