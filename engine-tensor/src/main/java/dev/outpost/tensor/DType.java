package dev.outpost.tensor;

/**
 * How one number is stored. Arithmetic is always f32; the other types exist at the edges, in files
 * and mapped weights.
 */
public enum DType {
  /** IEEE-754 binary32. */
  F32(4),
  /** IEEE-754 binary16. */
  F16(2),
  /** The upper half of a binary32 (8 exponent bits, 7 fraction bits). */
  BF16(2);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes per element. */
  public int bytes() {
    return bytes;
  }
}
