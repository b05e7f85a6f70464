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
  Q4_0(32, 18),
  /** GGUF: blocks of 32 with binary16 d and m, then 16 bytes as Q4_0's; a number is d·n + m. */
  Q4_1(32, 20),
  /**
   * GGUF: blocks of 32 with one binary16 scale d, 4 bytes whose bit i is the fifth of element i,
   * then 16 bytes as Q4_0's; a number is d·(n − 16).
   */
  Q5_0(32, 22),
  /** GGUF: blocks of 32 with binary16 d and m, then as Q5_0; a number is d·n + m. */
  Q5_1(32, 24),
  /**
   * GGUF: blocks of 256 with binary16 d and e, 8 pairs (s, t) of 6 bits in 12 bytes, then 128
   * bytes; a number of the j-th 32 is d·sⱼ·n − e·tⱼ, n the low half of byte 32·(j/2) + i for even j
   * and the high half for odd.
   */
  Q4_K(256, 144),
  /** GGUF: as Q4_K, with 32 bytes before the 128; bit j of byte i is the fifth of n. */
  Q5_K(256, 176),
  /**
   * GGUF: blocks of 256 in two halves: 64 bytes each with the low four bits of n, then 32 bytes
   * each with the high two, 16 signed bytes s, one binary16 d; a number of the j-th 16 is d·sⱼ·(n −
   * 32).
   */
  Q6_K(256, 210);

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
