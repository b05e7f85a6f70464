package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.H;
import static dev.outpost.tensor.kernel.vector.Lanes.I;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.weight.MappedWeight;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Reads stored numbers as f32. The type is asked once per block, never per vector: a choice inside
 * the loop costs more than the arithmetic.
 */
final class Decode {
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private Decode() {}

  /**
   * {@code dst[at + r·ld + c] = segment[offset + r·stride + c]} for {@code rows} runs of {@code
   * width} elements. Offsets and strides count elements.
   */
  static void rows(
      MemorySegment segment,
      DType type,
      long offset,
      long stride,
      int rows,
      int width,
      float[] dst,
      int at,
      int ld) {
    switch (type) {
      case F32 -> rowsF32(segment, offset, stride, rows, Lanes.bound(width), dst, at, ld);
      case F16 -> rowsF16(segment, offset, stride, rows, Lanes.bound(width), dst, at, ld);
      case BF16 -> rowsBf16(segment, offset, stride, rows, Lanes.bound(width), dst, at, ld);
      case Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K -> {
        rowsOfBlocks(segment, type, offset, stride, rows, width, dst, at, ld);
        return;
      }
    }
    if (Lanes.bound(width) == width) return;
    for (int r = 0; r < rows; r++)
      for (int c = Lanes.bound(width); c < width; c++)
        dst[at + r * ld + c] = MappedWeight.decode(segment, type, offset + r * stride + c);
  }

  private static void rowsF32(
      MemorySegment segment,
      long offset,
      long stride,
      int rows,
      int width,
      float[] dst,
      int at,
      int ld) {
    MemorySegment s = NativeSegments.known(segment);
    for (int r = 0; r < rows; r++) {
      long from = (offset + r * stride) * 4;
      for (int c = 0; c < width; c += VL)
        FloatVector.fromMemorySegment(F, s, from + c * 4L, LE).intoArray(dst, at + r * ld + c);
    }
  }

  private static void rowsBf16(
      MemorySegment segment,
      long offset,
      long stride,
      int rows,
      int width,
      float[] dst,
      int at,
      int ld) {
    MemorySegment s = NativeSegments.known(segment);
    for (int r = 0; r < rows; r++) {
      long from = (offset + r * stride) * 2;
      for (int c = 0; c < width; c += VL) bf16(s, from + c * 2L).intoArray(dst, at + r * ld + c);
    }
  }

  private static void rowsF16(
      MemorySegment segment,
      long offset,
      long stride,
      int rows,
      int width,
      float[] dst,
      int at,
      int ld) {
    MemorySegment s = NativeSegments.known(segment);
    for (int r = 0; r < rows; r++) {
      long from = (offset + r * stride) * 2;
      for (int c = 0; c < width; c += VL) f16(s, from + c * 2L).intoArray(dst, at + r * ld + c);
    }
  }

  /** Whole blocks by vectors; what a row has of its first and last block number by number. */
  private static void rowsOfBlocks(
      MemorySegment s,
      DType type,
      long offset,
      long stride,
      int rows,
      int width,
      float[] dst,
      int at,
      int ld) {
    int size = type.blockSize();
    for (int r = 0; r < rows; r++) {
      long from = offset + r * stride;
      int head = (int) Math.min(width, -from & size - 1);
      int whole = head + (width - head & -size);
      int to = at + r * ld;
      each(s, type, from, 0, head, dst, to);
      if (whole > head) blocks(s, type, type.byteSize(from + head), whole - head, dst, to + head);
      each(s, type, from, whole, width, dst, to);
    }
  }

  private static void blocks(MemorySegment s, DType type, long from, int n, float[] dst, int to) {
    switch (type) {
      case Q8_0 -> q8(s, from, n, dst, to);
      case Q4_0 -> q4(s, from, n, dst, to);
      case Q4_1 -> SmallBlockDots.q41(s, from, n, dst, to);
      case Q5_0 -> SmallBlockDots.q50(s, from, n, dst, to);
      case Q5_1 -> SmallBlockDots.q51(s, from, n, dst, to);
      case Q4_K -> LargeBlockDots.q4(s, from, n, dst, to);
      case Q5_K -> LargeBlockDots.q5(s, from, n, dst, to);
      case Q6_K -> LargeBlockDots.q6(s, from, n, dst, to);
      case F32, F16, BF16 -> throw new AssertionError(type + " has no blocks");
    }
  }

  private static void each(
      MemorySegment s, DType type, long from, int c0, int c1, float[] dst, int to) {
    for (int c = c0; c < c1; c++) dst[to + c] = MappedWeight.decode(s, type, from + c);
  }

  private static void q8(MemorySegment segment, long from, int n, float[] dst, int to) {
    MemorySegment s = NativeSegments.known(segment);
    long o = from;
    for (int c = 0; c < n; c += 32, o += 34) {
      FloatVector d = QuantDots.scale(s, o);
      for (int i = 0; i < 16 / VL; i++) {
        QuantDots.bytes(s, o + 2, i).mul(d).intoArray(dst, to + c + i * VL);
        QuantDots.bytes(s, o + 18, i).mul(d).intoArray(dst, to + c + 16 + i * VL);
      }
    }
  }

  private static void q4(MemorySegment segment, long from, int n, float[] dst, int to) {
    MemorySegment s = NativeSegments.known(segment);
    long o = from;
    for (int c = 0; c < n; c += 32, o += 18) {
      FloatVector d = QuantDots.scale(s, o);
      for (int i = 0; i < 16 / VL; i++) {
        IntVector q = QuantDots.nibbles(s, o + 2, i);
        QuantDots.low(q).mul(0x1p-28f).mul(d).intoArray(dst, to + c + i * VL);
        QuantDots.high(q).mul(d).intoArray(dst, to + c + 16 + i * VL);
      }
    }
  }

  /** A vector of bf16 at byte {@code at}. */
  static FloatVector bf16(MemorySegment s, long at) {
    return widen(s, at).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  /** A vector of halves at byte {@code at}. */
  static FloatVector f16(MemorySegment s, long at) {
    return half(widen(s, at));
  }

  /** Halves of which none is infinite or NaN. Widening copies the sign to where single has it. */
  static FloatVector finite(ShortVector h) {
    return ((IntVector) h.convertShape(VectorOperators.S2I, I, 0))
        .lanewise(VectorOperators.LSHL, 13)
        .and(0x8fffffff)
        .reinterpretAsFloats()
        .mul(0x1p112f);
  }

  private static IntVector widen(MemorySegment s, long at) {
    return (IntVector)
        ShortVector.fromMemorySegment(H, s, at, LE).convertShape(VectorOperators.S2I, I, 0);
  }

  /**
   * IEEE half to single. The magnitude's bits, moved to single's fields, are the number times
   * 2⁻¹¹²; one exact multiplication rescales subnormals too. Infinity and NaN keep all exponent
   * bits set.
   */
  private static FloatVector half(IntVector h) {
    IntVector magnitude = h.and(0x7fff).lanewise(VectorOperators.LSHL, 13);
    IntVector sign = h.and(0x8000).lanewise(VectorOperators.LSHL, 16);
    IntVector finite = magnitude.reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
    IntVector special = magnitude.or(0x7f800000);
    return finite
        .blend(special, magnitude.compare(VectorOperators.GE, 0x7c00 << 13))
        .or(sign)
        .reinterpretAsFloats();
  }
}
