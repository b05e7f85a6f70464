package dev.outpost.tensor.weight;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Numbers of GGUF's blocks of 32 with a minimum or a fifth bit, one at a time: the specification of
 * the vector loops. Every product is exact in f32 (11 bits of a scale, 5 of a number), so a fused
 * multiplication gives the same bits.
 */
final class SmallBlocks {
  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private SmallBlocks() {}

  static float q41(MemorySegment s, long index) {
    long block = index / 32 * 20;
    return MappedWeight.scale(s, block) * nibble(s, block + 4, index)
        + MappedWeight.scale(s, block + 2);
  }

  static float q50(MemorySegment s, long index) {
    long block = index / 32 * 22;
    return MappedWeight.scale(s, block) * (fiveBits(s, block + 2, index) - 16);
  }

  static float q51(MemorySegment s, long index) {
    long block = index / 32 * 24;
    return MappedWeight.scale(s, block) * fiveBits(s, block + 4, index)
        + MappedWeight.scale(s, block + 2);
  }

  /** The first 16 numbers are the low halves of the bytes, the others the high. */
  private static int nibble(MemorySegment s, long at, long index) {
    int pair = s.get(ValueLayout.JAVA_BYTE, at + (index & 15));
    return pair >> (index & 16) / 4 & 15;
  }

  private static int fiveBits(MemorySegment s, long at, long index) {
    int top = s.get(I32, at) >>> (index & 31) & 1;
    return nibble(s, at + 4, index) | top << 4;
  }
}
