package dev.outpost.tensor.weight;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Numbers of GGUF's blocks of 256, one at a time: the specification of the vector loops. As in
 * {@link SmallBlocks} every product is exact: 11 bits of d times 6 or 7 of a scale times at most 6
 * of a number.
 */
final class LargeBlocks {
  private static final int SIZE = 256;

  private LargeBlocks() {}

  static float q4(MemorySegment s, long index) {
    long block = index / SIZE * 144;
    int i = (int) (index % SIZE);
    return pairScaled(s, block, i, nibble(s, block + 16, i));
  }

  static float q5(MemorySegment s, long index) {
    long block = index / SIZE * 176;
    int i = (int) (index % SIZE);
    int top = unsigned(s, block + 16 + i % 32) >> i / 32 & 1;
    return pairScaled(s, block, i, nibble(s, block + 48, i) | top << 4);
  }

  static float q6(MemorySegment s, long index) {
    long block = index / SIZE * 210;
    int i = (int) (index % SIZE);
    int half = i / 128;
    int low = unsigned(s, block + 64L * half + i % 64) >> i % 128 / 64 * 4 & 15;
    int high = unsigned(s, block + 128 + 32L * half + i % 32) >> i % 128 / 32 * 2 & 3;
    float d =
        MappedWeight.scale(s, block + 208) * s.get(ValueLayout.JAVA_BYTE, block + 192 + i / 16);
    return d * ((low | high << 4) - 32);
  }

  /** Of each 32 bytes the low halves come first, then the high. */
  private static int nibble(MemorySegment s, long at, int i) {
    return unsigned(s, at + i / 64 * 32L + i % 32) >> i % 64 / 32 * 4 & 15;
  }

  private static float pairScaled(MemorySegment s, long block, int i, int n) {
    int j = i / 32;
    float d = MappedWeight.scale(s, block) * sixBits(s, block + 4, 0, j);
    float least = MappedWeight.scale(s, block + 2) * sixBits(s, block + 4, 1, j);
    return d * n - least;
  }

  /**
   * Scale (kind 0) or minimum (kind 1) j of 8. The first four are six bits of bytes 0 … 3 or 4 … 7;
   * the others have their top two bits there and the rest in a half of bytes 8 … 11.
   */
  private static int sixBits(MemorySegment s, long at, int kind, int j) {
    int b = unsigned(s, at + 4L * kind + j % 4);
    return j < 4 ? b & 63 : b >> 6 << 4 | unsigned(s, at + 8 + j % 4) >> 4 * kind & 15;
  }

  private static int unsigned(MemorySegment s, long at) {
    return s.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
  }
}
