package dev.outpost.tensor;

/**
 * A dense, contiguous, row-major f32 array on the heap. Reshapes and leading-axis slices share the
 * data; strides live only in {@code MatView}.
 *
 * @param shape extents
 * @param data backing array; may be longer than the shape needs (a {@code Workspace} lends rounded
 *     buffers)
 * @param offset index of the first element in {@code data}
 */
public record Tensor(Shape shape, float[] data, int offset) {
  public Tensor {
    if (offset < 0 || (long) offset + shape.size() > data.length)
      throw new ShapeException(
          "tensor",
          "offset + size must lie inside the data",
          shape,
          "offset " + offset + ", data length " + data.length);
  }

  /** New zeroed memory. */
  public static Tensor zeros(Shape shape) {
    return new Tensor(shape, new float[shape.size()], 0);
  }

  /** New zeroed memory. */
  public static Tensor zeros(int... dims) {
    return zeros(Shape.of(dims));
  }

  /** Wraps {@code data} without copying; its length must be the shape's size. */
  public static Tensor of(Shape shape, float... data) {
    if (data.length != shape.size())
      throw new ShapeException(
          "tensor", "data length must equal the product of the extents", shape, data.length);
    return new Tensor(shape, data, 0);
  }

  /** Number of elements. */
  public int size() {
    return shape.size();
  }

  /** Rows when seen as a matrix: the product of all extents but the last. */
  public int rows() {
    return shape.rows();
  }

  /** Extent of the last axis. */
  public int cols() {
    return shape.cols();
  }

  /** The same memory under another shape of equal size. */
  public Tensor reshape(int... dims) {
    Shape s = Shape.of(dims);
    if (s.size() != shape.size())
      throw new ShapeException("reshape", "sizes must be equal", shape, s);
    return new Tensor(s, data, offset);
  }

  /** Rows {@code [from, to)} of the matrix view, sharing memory: shape {@code [to-from, cols]}. */
  public Tensor slice(int from, int to) {
    if (from < 0 || to < from || to > rows())
      throw new ShapeException(
          "slice", "rows [" + from + ", " + to + ") must lie inside the tensor", shape);
    return new Tensor(Shape.of(to - from, cols()), data, offset + from * cols());
  }

  /** Element {@code i} of the flattened tensor. */
  public float get(int i) {
    assert i >= 0 && i < size();
    return data[offset + i];
  }

  /** A fresh copy of the elements. */
  public float[] toArray() {
    return java.util.Arrays.copyOfRange(data, offset, offset + size());
  }

  /** Copies {@code from} (same size) into this tensor's memory. */
  public void copyFrom(Tensor from) {
    if (from.size() != size())
      throw new ShapeException("copy", "sizes must be equal", shape, from.shape);
    System.arraycopy(from.data, from.offset, data, offset, size());
  }

  /** Sets every element. */
  public void fill(float value) {
    java.util.Arrays.fill(data, offset, offset + size(), value);
  }

  @Override
  public String toString() {
    return "Tensor" + shape;
  }
}
