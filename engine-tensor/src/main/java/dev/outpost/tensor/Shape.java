package dev.outpost.tensor;

import java.util.Arrays;

/** The extents of a dense row-major array, outermost first. Immutable; zero extents are legal. */
public final class Shape {
  private final int[] dims;
  private final int size;

  private Shape(int[] dims) {
    long n = 1;
    for (int d : dims) {
      if (d < 0)
        throw new ShapeException("shape", "extents must not be negative", Arrays.toString(dims));
      n *= d;
      if (n > Integer.MAX_VALUE - 8)
        throw new ShapeException(
            "shape", "at most 2^31-9 elements fit in one tensor", Arrays.toString(dims));
    }
    this.dims = dims;
    this.size = (int) n;
  }

  /** A shape with these extents; {@code Shape.of()} is a scalar of size 1. */
  public static Shape of(int... dims) {
    return new Shape(dims.clone());
  }

  /** Number of axes. */
  public int rank() {
    return dims.length;
  }

  /** Extent of an axis; negative axes count from the end. */
  public int dim(int axis) {
    return dims[axis < 0 ? dims.length + axis : axis];
  }

  /** A copy of the extents. */
  public int[] dims() {
    return dims.clone();
  }

  /** Number of elements. */
  public int size() {
    return size;
  }

  /** Extent of the last axis, 1 for a scalar. */
  public int cols() {
    return dims.length == 0 ? 1 : dims[dims.length - 1];
  }

  /** Product of all extents but the last: the number of rows when seen as a matrix. */
  public int rows() {
    int rows = 1;
    for (int i = 0; i < dims.length - 1; i++) rows *= dims[i];
    return rows;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape s && Arrays.equals(dims, s.dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  /** {@code [8, 768]}. */
  @Override
  public String toString() {
    return Arrays.toString(dims);
  }
}
