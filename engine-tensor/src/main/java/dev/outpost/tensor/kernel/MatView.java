package dev.outpost.tensor.kernel;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.weight.MappedWeight;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A matrix seen through strides: the only place in the engine where strides exist. A transpose is
 * two swapped numbers. The elements are either a heap array ({@link #data()}, f32) or a native
 * segment ({@link #segment()}, any {@link DType}); exactly one of the two is present. Offsets and
 * strides count elements.
 */
public final class MatView {
  private final float @Nullable [] data;
  private final @Nullable MemorySegment segment;
  private final DType dtype;
  private final long offset;
  private final int rows;
  private final int cols;
  private final int rowStride;
  private final int colStride;

  private MatView(
      float @Nullable [] data,
      @Nullable MemorySegment segment,
      DType dtype,
      long offset,
      int rows,
      int cols,
      int rowStride,
      int colStride) {
    long elements = 0;
    if (data != null) elements = data.length;
    else if (segment != null)
      elements = segment.byteSize() / dtype.blockBytes() * dtype.blockSize();
    long last =
        rows == 0 || cols == 0
            ? offset
            : offset + (rows - 1L) * rowStride + (cols - 1L) * colStride + 1;
    if (rows < 0 || cols < 0 || rowStride < 0 || colStride < 0 || offset < 0 || last > elements)
      throw new ShapeException(
          "matrix view",
          "must lie inside its memory",
          rows + "x" + cols + " strides " + rowStride + ", " + colStride + " offset " + offset,
          elements + " elements");
    this.data = data;
    this.segment = segment;
    this.dtype = dtype;
    this.offset = offset;
    this.rows = rows;
    this.cols = cols;
    this.rowStride = rowStride;
    this.colStride = colStride;
  }

  /** All rows of a tensor. */
  public static MatView of(Tensor t) {
    return new MatView(t.data(), null, DType.F32, t.offset(), t.rows(), t.cols(), t.cols(), 1);
  }

  /** A strided window of a heap array. */
  public static MatView of(
      float[] data, int offset, int rows, int cols, int rowStride, int colStride) {
    return new MatView(data, null, DType.F32, offset, rows, cols, rowStride, colStride);
  }

  /** A dense row-major matrix in native memory. */
  public static MatView of(MemorySegment segment, DType dtype, int rows, int cols) {
    return new MatView(null, segment, dtype, 0, rows, cols, cols, 1);
  }

  /** The transpose: same memory, strides swapped. */
  public MatView t() {
    return new MatView(data, segment, dtype, offset, cols, rows, colStride, rowStride);
  }

  /** The same dense elements as another matrix: row-major views only. */
  public MatView reshaped(int otherRows, int otherCols) {
    if (colStride != 1 || rowStride != cols || (long) otherRows * otherCols != (long) rows * cols)
      throw new ShapeException(
          "matrix view",
          "only a dense matrix of as many elements can be reshaped",
          this,
          otherRows + "x" + otherCols);
    return new MatView(data, segment, dtype, offset, otherRows, otherCols, otherCols, 1);
  }

  /** Columns {@code [from, to)}. */
  public MatView cols(int from, int to) {
    return new MatView(
        data,
        segment,
        dtype,
        offset + (long) from * colStride,
        rows,
        to - from,
        rowStride,
        colStride);
  }

  /** Rows {@code [from, to)}. */
  public MatView rows(int from, int to) {
    return new MatView(
        data,
        segment,
        dtype,
        offset + (long) from * rowStride,
        to - from,
        cols,
        rowStride,
        colStride);
  }

  /** One element as f32. For the scalar specification and for tests. */
  public float at(int i, int j) {
    long at = offset + (long) i * rowStride + (long) j * colStride;
    return data != null ? data[(int) at] : MappedWeight.decode(segment(), dtype, at);
  }

  /** Whether the elements are a heap array. */
  public boolean onHeap() {
    return data != null;
  }

  /** The heap array; fails for a native view. */
  public float[] data() {
    if (data == null)
      throw new IllegalStateException(
          "matrix view: " + this + " is native memory, not a heap array");
    return data;
  }

  /** The native segment; fails for a heap view. */
  public MemorySegment segment() {
    if (segment == null)
      throw new IllegalStateException(
          "matrix view: " + this + " is a heap array, not native memory");
    return segment;
  }

  public DType dtype() {
    return dtype;
  }

  public long offset() {
    return offset;
  }

  public int rows() {
    return rows;
  }

  public int cols() {
    return cols;
  }

  public int rowStride() {
    return rowStride;
  }

  public int colStride() {
    return colStride;
  }

  /** {@code 8x768}. */
  @Override
  public String toString() {
    return rows + "x" + cols;
  }
}
