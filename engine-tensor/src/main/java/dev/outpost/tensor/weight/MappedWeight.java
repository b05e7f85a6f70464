package dev.outpost.tensor.weight;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.MatView;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A frozen weight read in place from a read-only mapped file, little-endian, in its stored type.
 * Owned by the file's arena. Compared by identity.
 */
public final class MappedWeight implements Weight {
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment segment;
  private final DType dtype;
  private final Shape shape;

  private MappedWeight(MemorySegment segment, DType dtype, Shape shape) {
    this.segment = segment;
    this.dtype = dtype;
    this.shape = shape;
  }

  /**
   * {@code segment} must hold exactly {@code shape.size()} elements of {@code dtype}, each row in
   * whole blocks.
   */
  public static MappedWeight of(MemorySegment segment, DType dtype, Shape shape) {
    if (shape.cols() % dtype.blockSize() != 0)
      throw new ShapeException(
          "mapped weight",
          "rows of " + dtype + " must be whole blocks of " + dtype.blockSize(),
          shape);
    if (segment.byteSize() != dtype.byteSize(shape.size()))
      throw new ShapeException(
          "mapped weight",
          "byte length must be " + dtype.byteSize(shape.size()),
          shape,
          segment.byteSize() + " bytes");
    return new MappedWeight(segment, dtype, shape);
  }

  /** The bytes as stored. */
  public MemorySegment segment() {
    return segment;
  }

  @Override
  public Shape shape() {
    return shape;
  }

  @Override
  public DType dtype() {
    return dtype;
  }

  @Override
  public MatView view() {
    return MatView.of(segment, dtype, shape.rows(), shape.cols());
  }

  @Override
  public Tensor toTensor() {
    float[] out = new float[shape.size()];
    if (dtype == DType.F32) MemorySegment.copy(segment, F32, 0, out, 0, out.length);
    else for (int i = 0; i < out.length; i++) out[i] = decode(segment, dtype, i);
    return Tensor.of(shape, out);
  }

  /**
   * A copy whose row r is this one's row {@code rowOf[r]}, in memory of its own that lives as long
   * as it does.
   */
  public MappedWeight reordered(int[] rowOf) {
    if (rowOf.length != shape.rows())
      throw new ShapeException("reordered", "needs one source per row", shape, rowOf.length);
    long bytes = dtype.byteSize(shape.cols());
    MemorySegment copy = Arena.ofAuto().allocate(segment.byteSize(), 64);
    for (int r = 0; r < rowOf.length; r++)
      MemorySegment.copy(segment, rowOf[r] * bytes, copy, r * bytes, bytes);
    return new MappedWeight(copy.asReadOnly(), dtype, shape);
  }

  /** Element {@code index} of a little-endian segment as f32. */
  public static float decode(MemorySegment segment, DType dtype, long index) {
    return switch (dtype) {
      case F32 -> segment.get(F32, index * 4);
      case F16 -> Float.float16ToFloat(segment.get(U16, index * 2));
      case BF16 -> Float.intBitsToFloat(segment.get(U16, index * 2) << 16);
      case Q8_0 -> {
        long block = index / 32 * 34;
        yield scale(segment, block) * segment.get(ValueLayout.JAVA_BYTE, block + 2 + (index & 31));
      }
      case Q4_0 -> {
        long block = index / 32 * 18;
        int pair = segment.get(ValueLayout.JAVA_BYTE, block + 2 + (index & 15));
        int nibble = (index & 16) == 0 ? pair & 15 : pair >> 4 & 15;
        yield scale(segment, block) * (nibble - 8);
      }
      case Q4_1 -> SmallBlocks.q41(segment, index);
      case Q5_0 -> SmallBlocks.q50(segment, index);
      case Q5_1 -> SmallBlocks.q51(segment, index);
      case Q4_K -> LargeBlocks.q4(segment, index);
      case Q5_K -> LargeBlocks.q5(segment, index);
      case Q6_K -> LargeBlocks.q6(segment, index);
    };
  }

  /** A binary16 number at byte {@code at}. */
  static float scale(MemorySegment segment, long at) {
    return Float.float16ToFloat(segment.get(U16, at));
  }

  @Override
  public String toString() {
    return "MappedWeight" + shape + " " + dtype;
  }
}
