package dev.outpost.tensor.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
  @TempDir Path folder;

  @Test
  void whatIsWrittenIsRead() throws IOException {
    Path file = folder.resolve("w.safetensors");
    Tensor part = new Tensor(Shape.of(2, 2), new float[] {9, 1, 2, 3, 4, 9}, 1);
    Map<String, Weight> tensors = new LinkedHashMap<>();
    tensors.put("part", HeapWeight.of(part));
    tensors.put("none", HeapWeight.of(Tensor.zeros(3, 0)));
    tensors.put("one", HeapWeight.of(Tensor.of(Shape.of(), -7f)));
    Map<String, String> metadata = Map.of("b", "Zeile\n\"ß\"\u0001", "a", "");
    SafetensorsWriter.write(file, tensors, null, metadata);
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      assertThat(f.metadata()).isEqualTo(metadata);
      assertThat(f.names()).containsExactlyInAnyOrder("part", "none", "one");
      assertThat(f.weight("part").shape()).isEqualTo(Shape.of(2, 2));
      assertThat(f.weight("part").toTensor().toArray()).containsExactly(1, 2, 3, 4);
      assertThat(f.weight("none").shape()).isEqualTo(Shape.of(3, 0));
      assertThat(f.weight("one").toTensor().toArray()).containsExactly(-7f);
    }
  }

  @Test
  void tensorsLongerThanTheBufferArriveWhole() throws IOException {
    int n = 3 * (1 << 20) / 4 + 5;
    Tensor big = Tensor.zeros(n);
    for (int i = 0; i < n; i++) big.data()[i] = i % 251;
    for (DType dtype : DType.plain()) {
      Path file = folder.resolve(dtype + ".safetensors");
      Path again = folder.resolve(dtype + "-again.safetensors");
      SafetensorsWriter.write(file, Map.of("x", HeapWeight.of(big)), dtype, Map.of());
      try (SafetensorsFile f = SafetensorsFile.open(file)) {
        assertThat(f.weight("x").dtype()).isEqualTo(dtype);
        assertThat(f.weight("x").toTensor().toArray()).isEqualTo(big.data());
        SafetensorsWriter.write(again, Map.of("x", f.weight("x")), null, Map.of());
      }
      assertThat(Files.mismatch(file, again)).isEqualTo(-1);
    }
  }

  @Test
  void equalContentGivesEqualBytes() throws IOException {
    Weight a = HeapWeight.of(Tensor.of(Shape.of(1), 1f));
    Weight b = HeapWeight.of(Tensor.of(Shape.of(1), 2f));
    Map<String, Weight> ab = new LinkedHashMap<>();
    ab.put("a", a);
    ab.put("b", b);
    Map<String, Weight> ba = new LinkedHashMap<>();
    ba.put("b", b);
    ba.put("a", a);
    Map<String, String> xy = new LinkedHashMap<>();
    xy.put("x", "1");
    xy.put("y", "2");
    Map<String, String> yx = new LinkedHashMap<>();
    yx.put("y", "2");
    yx.put("x", "1");
    SafetensorsWriter.write(folder.resolve("1"), ab, null, xy);
    SafetensorsWriter.write(folder.resolve("2"), ba, null, yx);
    assertThat(Files.mismatch(folder.resolve("1"), folder.resolve("2"))).isEqualTo(-1);
  }

  @Test
  void theHeaderEndsOnAMultipleOfEightBytes() throws IOException {
    for (int i = 1; i <= 9; i++) {
      Path file = folder.resolve("n" + i);
      Weight w = HeapWeight.of(Tensor.of(Shape.of(1), 1f));
      SafetensorsWriter.write(file, Map.of("n".repeat(i), w), null, Map.of());
      assertThat((Files.size(file) - 4) % 8).isZero();
    }
  }

  @Test
  void aFileCanBeReplacedWhileItsOwnWeightsAreRead() throws IOException {
    Path file = folder.resolve("model.safetensors");
    Weight w = HeapWeight.of(Tensor.of(Shape.of(3), 1f, 2f, 3f));
    SafetensorsWriter.write(file, Map.of("w", w), null, Map.of());
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      SafetensorsWriter.write(file, Map.of("w", f.weight("w")), DType.BF16, Map.of());
      assertThat(f.weight("w").toTensor().toArray()).containsExactly(1, 2, 3);
    }
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      assertThat(f.weight("w").dtype()).isEqualTo(DType.BF16);
      assertThat(f.weight("w").toTensor().toArray()).containsExactly(1, 2, 3);
    }
  }

  @Test
  void aSourceThatFailsHalfwayLeavesTheOldFile() throws IOException {
    Path file = Files.writeString(folder.resolve("model.safetensors"), "old");
    Map<String, Weight> tensors = new LinkedHashMap<>();
    tensors.put("a", HeapWeight.of(Tensor.zeros(1000)));
    tensors.put("b", closedWeight());
    assertThatThrownBy(() -> SafetensorsWriter.write(file, tensors, DType.F32, Map.of()))
        .isInstanceOf(IllegalStateException.class);
    assertThat(file).hasContent("old");
    try (Stream<Path> all = Files.list(folder)) {
      assertThat(all).containsExactly(file);
    }
  }

  @Test
  void refusesNamesThatNoHeaderCanHold() throws IOException {
    Path file = Files.writeString(folder.resolve("model.safetensors"), "old");
    Weight w = HeapWeight.of(Tensor.zeros(1));
    assertThatThrownBy(
            () -> SafetensorsWriter.write(file, Map.of("__metadata__", w), null, Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("__metadata__");
    assertThatThrownBy(() -> SafetensorsWriter.write(file, Map.of("\uD800", w), null, Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no valid Unicode");
    for (Map<String, String> texts :
        List.of(Map.of("a\0", "b"), Map.of("a", "b\0"), Map.<String, String>of()))
      assertThatThrownBy(() ->
              SafetensorsWriter.write(file, Map.of(texts.isEmpty() ? "a\0b" : "a", w), null, texts))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("a zero character");
    assertThat(file).hasContent("old");
  }

  /** A bf16 is a float with 16 bits less: every pattern's float, and its neighbours, round back. */
  @Test
  void everyBf16ComesBack() {
    for (int i = 0; i < 65536; i++) {
      short bits = (short) i;
      float value = Float.intBitsToFloat(i << 16);
      if (Float.isNaN(value)) {
        assertThat(Float.intBitsToFloat(SafetensorsWriter.toBf16(value) << 16)).isNaN();
        continue;
      }
      same(bits, value);
      if (Float.isInfinite(value)) continue;
      // One below half a step rounds back; half a step goes to the even neighbour.
      same(bits, Float.intBitsToFloat(i << 16 | 0x7FFF));
      same((i & 1) == 0 ? bits : (short) (i + 1), Float.intBitsToFloat(i << 16 | 0x8000));
      same((short) (i + 1), Float.intBitsToFloat(i << 16 | 0x8001));
    }
  }

  @Test
  void noNanBecomesInfinity() {
    for (int payload : new int[] {0x7F800001, 0x7FFFFFFF, 0xFF800001, 0x7FC00000, 0xFFFFFFFF}) {
      short bits = SafetensorsWriter.toBf16(Float.intBitsToFloat(payload));
      assertThat(Float.intBitsToFloat(bits << 16)).isNaN();
      assertThat(bits < 0).isEqualTo(payload < 0);
    }
  }

  private static void same(short expected, float value) {
    if (SafetensorsWriter.toBf16(value) != expected)
      throw new AssertionError(
          "%a to bf16: got %04x, want %04x"
              .formatted(value, SafetensorsWriter.toBf16(value) & 0xFFFF, expected & 0xFFFF));
  }

  private static Weight closedWeight() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment s = arena.allocate(8);
      return MappedWeight.of(s, DType.F32, Shape.of(2));
    }
  }
}
