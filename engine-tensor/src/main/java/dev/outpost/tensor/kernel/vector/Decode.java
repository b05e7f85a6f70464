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
    }
    if (Lanes.bound(width) == width) return;
    for (int r = 0; r < rows; r++)
      for (int c = Lanes.bound(width); c < width; c++)
        dst[at + r * ld + c] = MappedWeight.decode(segment, type, offset + r * stride + c);
  }

  private static void rowsF32(
      MemorySegment s, long offset, long stride, int rows, int width, float[] dst, int at, int ld) {
    for (int r = 0; r < rows; r++) {
      long from = (offset + r * stride) * 4;
      for (int c = 0; c < width; c += VL)
        FloatVector.fromMemorySegment(F, s, from + c * 4L, LE).intoArray(dst, at + r * ld + c);
    }
  }

  private static void rowsBf16(
      MemorySegment s, long offset, long stride, int rows, int width, float[] dst, int at, int ld) {
    for (int r = 0; r < rows; r++) {
      long from = (offset + r * stride) * 2;
      for (int c = 0; c < width; c += VL)
        widen(s, from + c * 2L)
            .lanewise(VectorOperators.LSHL, 16)
            .reinterpretAsFloats()
            .intoArray(dst, at + r * ld + c);
    }
  }

  private static void rowsF16(
      MemorySegment s, long offset, long stride, int rows, int width, float[] dst, int at, int ld) {
    for (int r = 0; r < rows; r++) {
      long from = (offset + r * stride) * 2;
      for (int c = 0; c < width; c += VL)
        half(widen(s, from + c * 2L)).intoArray(dst, at + r * ld + c);
    }
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
