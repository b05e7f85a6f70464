package dev.outpost.tensor.kernel.vector;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** Halves of every kind, as rows whose length takes the loop that expects finite ones. */
class SegmentDotsTest {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int K = 64;

  /** One number per row is not zero, so that a row's product is that number and no sum rounds. */
  @Test
  void everyHalfIsReadExactly() {
    float[] x = new float[K];
    for (int p = 0; p < K; p++) x[p] = 1;
    try (Arena arena = Arena.ofConfined()) {
      for (int first = 0; first < 1 << 16; first += 1 << 10) {
        int rows = 1 << 10;
        MemorySegment s = arena.allocate(2L * rows * K);
        for (int r = 0; r < rows; r++) s.set(U16, 2L * (r * K + r % K), (short) (first + r));
        float[] y = new float[rows];
        SegmentDots.rows(s, DType.F16, 0, K, rows, x, K, y, 0);
        for (int r = 0; r < rows; r++)
          assertThat(Float.floatToIntBits(y[r]))
              .as("half %x", first + r)
              .isEqualTo(Float.floatToIntBits(Float.float16ToFloat((short) (first + r)) + 0f));
      }
    }
  }

  /** One row of a task decides for all of it. */
  @Test
  void oneInfinityLeavesTheOtherRowsAsTheyAre() {
    float[] x = new float[K];
    for (int p = 0; p < K; p++) x[p] = p - 20;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment s = arena.allocate(2L * 3 * K);
      for (int i = 0; i < 3 * K; i++) s.set(U16, 2L * i, Float.floatToFloat16(i % 7 - 3));
      float[] finite = new float[3];
      SegmentDots.rows(s, DType.F16, 0, K, 3, x, K, finite, 0);
      s.set(U16, 2L * (K + 63), (short) 0xfc00);
      float[] y = new float[3];
      SegmentDots.rows(s, DType.F16, 0, K, 3, x, K, y, 0);
      assertThat(y).containsExactly(finite[0], Float.NEGATIVE_INFINITY, finite[2]);
    }
  }
}
