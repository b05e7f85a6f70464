package dev.outpost.tensor.io;

import dev.outpost.tensor.DType;
import java.util.Arrays;
import java.util.Optional;

/**
 * Where a tensor lies in a safetensors file.
 *
 * @param dtype type name as stored
 * @param dims extents
 * @param begin first byte, from the end of the header
 * @param end byte after the last
 */
public record TensorInfo(String dtype, long[] dims, long begin, long end) {
  public TensorInfo {
    dims = dims.clone();
  }

  /** Extents; a copy. */
  @Override
  public long[] dims() {
    return dims.clone();
  }

  /** The type as one the engine computes with, if it is one. */
  public Optional<DType> computable() {
    return switch (dtype) {
      case "F32" -> Optional.of(DType.F32);
      case "F16" -> Optional.of(DType.F16);
      case "BF16" -> Optional.of(DType.BF16);
      default -> Optional.empty();
    };
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof TensorInfo t
        && dtype.equals(t.dtype)
        && Arrays.equals(dims, t.dims)
        && begin == t.begin
        && end == t.end;
  }

  @Override
  public int hashCode() {
    return Long.hashCode(begin) * 31 + Arrays.hashCode(dims);
  }

  @Override
  public String toString() {
    return dtype + Arrays.toString(dims);
  }
}
