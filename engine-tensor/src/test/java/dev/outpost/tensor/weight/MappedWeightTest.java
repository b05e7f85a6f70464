package dev.outpost.tensor.weight;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class MappedWeightTest {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  @Test
  void readsEveryHalf() {
    MappedWeight w = everyPattern(DType.F16);
    float[] got = w.toTensor().toArray();
    for (int i = 0; i < 65536; i++) same(i, half(i), got[i], w.view().at(i / 256, i % 256));
  }

  @Test
  void readsEveryBfloat() {
    MappedWeight w = everyPattern(DType.BF16);
    float[] got = w.toTensor().toArray();
    for (int i = 0; i < 65536; i++) same(i, bfloat(i), got[i], w.view().at(i / 256, i % 256));
  }

  @Test
  void readsFloatsLittleEndianFromAnyAddress() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment odd = arena.allocate(9).asSlice(1);
      byte[] bytes = {0, 0, (byte) 0x80, 0x3F, 0, 0, 0x20, (byte) 0xC1};
      MemorySegment.copy(bytes, 0, odd, ValueLayout.JAVA_BYTE, 0, 8);
      MappedWeight w = MappedWeight.of(odd, DType.F32, Shape.of(2, 1));
      assertThat(w.toTensor().toArray()).containsExactly(1f, -10f);
      assertThat(w.view().t().at(0, 1)).isEqualTo(-10f);
      assertThat(w.dtype()).isEqualTo(DType.F32);
    }
  }

  @Test
  void refusesMemoryOfAnotherSize() {
    MemorySegment seven = MemorySegment.ofArray(new byte[7]);
    assertThatThrownBy(() -> MappedWeight.of(seven, DType.F16, Shape.of(2, 2)))
        .isInstanceOf(ShapeException.class)
        .hasMessageContainingAll("[2, 2]", "7 bytes");
  }

  @Test
  void theCopyOfAHeapWeightIsItsOwn() {
    HeapWeight w = HeapWeight.of(Tensor.of(Shape.of(2), 1f, 2f));
    Tensor copy = w.toTensor();
    copy.data()[0] = 9;
    assertThat(w.tensor().get(0)).isEqualTo(1f);
    w.tensor().data()[1] = 5;
    assertThat(w.view().at(0, 1)).isEqualTo(5f);
  }

  private static MappedWeight everyPattern(DType dtype) {
    MemorySegment s = MemorySegment.ofArray(new byte[131_072]);
    for (int i = 0; i < 65536; i++) s.set(U16, 2L * i, (short) i);
    return MappedWeight.of(s, dtype, Shape.of(256, 256));
  }

  /** IEEE-754 binary16 by its definition. */
  private static double half(int bits) {
    int exponent = bits >> 10 & 31;
    int fraction = bits & 1023;
    double size =
        switch (exponent) {
          case 0 -> fraction * 0x1p-24;
          case 31 -> fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
          default -> Math.scalb(1024d + fraction, exponent - 25);
        };
    return bits >> 15 == 0 ? size : -size;
  }

  /** The bfloat16 by its definition. */
  private static double bfloat(int bits) {
    int exponent = bits >> 7 & 255;
    int fraction = bits & 127;
    double size =
        switch (exponent) {
          case 0 -> fraction * 0x1p-133;
          case 255 -> fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
          default -> Math.scalb(128d + fraction, exponent - 134);
        };
    return bits >> 15 == 0 ? size : -size;
  }

  private static void same(int bits, double want, double copied, double viewed) {
    if (Double.compare(want, copied) != 0 || Double.compare(want, viewed) != 0)
      throw new AssertionError(
          "%04x: want %a, copied %a, viewed %a".formatted(bits, want, copied, viewed));
  }
}
