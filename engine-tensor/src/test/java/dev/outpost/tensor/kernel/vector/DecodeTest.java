package dev.outpost.tensor.kernel.vector;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.weight.MappedWeight;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DecodeTest {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);

  /** Rows that begin and end inside blocks too; every finite binary16 scale, subnormals too. */
  @ParameterizedTest
  @EnumSource(DType.class)
  void writesTheSpecificationsBits(DType type) {
    int blocks = 40;
    int n = blocks * Math.max(32, type.blockSize());
    Random random = new Random(7);
    byte[] bytes = new byte[(int) type.byteSize(n)];
    random.nextBytes(bytes);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment s = arena.allocate(bytes.length).copyFrom(MemorySegment.ofArray(bytes));
      for (int at = 0; at + 1 < bytes.length; at += 2)
        if (!Float.isFinite(Float.float16ToFloat(s.get(U16, at))))
          s.set(U16, at, (short) (s.get(U16, at) & 0x83FF));
      for (int from : new int[] {0, 32, 5, 300}) {
        float[] got = new float[n];
        Decode.rows(s, type, from, 0, 1, n - from - from % 7, got, 0, n);
        for (int i = 0; i < n - from - from % 7; i++) {
          float want = MappedWeight.decode(s, type, from + i);
          assertThat(Float.floatToIntBits(got[i]))
              .as("%s %d: %s, wanted %s", type, from + i, got[i], want)
              .isEqualTo(Float.floatToIntBits(want));
        }
      }
    }
  }
}
