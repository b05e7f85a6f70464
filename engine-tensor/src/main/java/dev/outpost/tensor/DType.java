package dev.outpost.tensor;

import java.util.List;

/**
 * How numbers are stored. Arithmetic is always f32; the other types exist at the edges, in files
 * and mapped weights. Numbers are counted in elements everywhere; a type that stores them in blocks
 * holds element i in block i / {@link #blockSize}.
 */
public enum DType {
  /** IEEE-754 binary32. */
  F32(1, 4),
  /** IEEE-754 binary16. */
  F16(1, 2),
  /** The upper half of a binary32 (8 exponent bits, 7 fraction bits). */
  BF16(1, 2),
  /** GGUF: blocks of 32 with one binary16 scale d, then 32 signed bytes q; a number is d·q. */
  Q8_0(32, 34),
  /**
   * GGUF: blocks of 32 with one binary16 scale d, then 16 bytes; a number is d·(n − 8), n the low
   * half of byte i for element i &lt; 16, the high half of byte i − 16 beyond.
   */
  Q4_0(32, 18);

  private static final List<DType> PLAIN = List.of(F32, F16, BF16);

  private final int blockSize;
  private final int blockBytes;

  DType(int blockSize, int blockBytes) {
    this.blockSize = blockSize;
    this.blockBytes = blockBytes;
  }

  /** The types that store each number by itself: those of safetensors. */
  public static List<DType> plain() {
    return PLAIN;
  }

  /** Whether numbers share a scale. */
  public boolean isBlocked() {
    return blockSize > 1;
  }

  /** Elements that are stored together: 1 for a plain type. */
  public int blockSize() {
    return blockSize;
  }

  /** Bytes of one block. */
  public int blockBytes() {
    return blockBytes;
  }

  /**
   * Bytes of this many elements.
   *
   * @throws IllegalArgumentException unless they are whole blocks
   */
  public long byteSize(long elements) {
    if (elements % blockSize != 0)
      throw new IllegalArgumentException(
          this + ": " + elements + " elements are not whole blocks of " + blockSize);
    return elements / blockSize * blockBytes;
  }
}
