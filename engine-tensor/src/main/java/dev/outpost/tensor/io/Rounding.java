package dev.outpost.tensor.io;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A weight's numbers rounded to another type, without a file. */
public final class Rounding {
  private Rounding() {}

  /** Whether numbers can be rounded to {@code type}: plain types, Q8_0 and Q4_0. */
  public static boolean can(DType type) {
    return Quantize.can(type);
  }

  /**
   * Numbers in {@code type}: F32 on the heap, sharing {@code numbers}; any other in native memory
   * that lives as long as the weight. Plain types round to nearest, ties to even; Q8_0 and Q4_0 as
   * ggml does.
   *
   * @throws IllegalArgumentException for rows that are no whole blocks, and for numbers or types
   *     that cannot be
   */
  public static Weight to(DType type, Tensor numbers) {
    if (type == DType.F32) return HeapWeight.of(numbers);
    if (numbers.cols() % type.blockSize() != 0)
      throw new IllegalArgumentException(
          "rounding: rows of "
              + numbers.cols()
              + " numbers are no whole blocks of "
              + type.blockSize()
              + ", as "
              + type
              + " needs");
    MemorySegment memory = Arena.ofAuto().allocate(type.byteSize(numbers.size()), 64);
    // A buffer has int positions; rows do not exceed them where a whole tensor may.
    long row = type.byteSize(numbers.cols());
    float[] values = numbers.data();
    for (int r = 0; r < numbers.rows(); r++) {
      ByteBuffer out = memory.asSlice(r * row, row).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
      int from = numbers.offset() + r * numbers.cols();
      for (int i = from; i < from + numbers.cols(); i += type.blockSize())
        append(type, values, i, out);
    }
    return MappedWeight.of(memory.asReadOnly(), type, numbers.shape());
  }

  private static void append(DType type, float[] x, int i, ByteBuffer out) {
    switch (type) {
      case F32 -> out.putFloat(x[i]);
      case F16 -> out.putShort(Float.floatToFloat16(x[i]));
      case BF16 -> out.putShort(SafetensorsWriter.toBf16(x[i]));
      case Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K -> Quantize.block(type, x, i, out);
    }
  }
}
