package dev.outpost.tensor.io;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of the reference library are read right, and written back byte for byte. */
class SafetensorsGoldenTest {
  @TempDir Path folder;

  @Test
  void readsTheTypesTheEngineComputesWith() throws IOException {
    try (SafetensorsFile f = SafetensorsFile.open(Goldens.path("engine-types.safetensors"))) {
      assertThat(f.metadata()).containsExactly(Map.entry("format", "pt"));
      assertThat(f.names())
          .contains("w.f32", "größe", "z\uFF5E", "z\uD83D\uDE00", "quote\"back\\slash")
          .hasSize(12);
      MappedWeight f16 = f.weight("a.f16");
      assertThat(f16.dtype()).isEqualTo(DType.F16);
      assertThat(f16.toTensor().toArray())
          .containsExactly(-0f, 65504f, 0x1p-24f, Float.POSITIVE_INFINITY);
      assertThat(f.weight("a.bf16").toTensor().toArray())
          .containsExactly(-0f, 0x1p-133f, 0x1.c4p127f, Float.NEGATIVE_INFINITY);
      assertThat(f.weight("scalar").shape()).isEqualTo(Shape.of());
      assertThat(f.weight("scalar").view().at(0, 0)).isEqualTo(2.5f);
      assertThat(f.weight("empty").toTensor().shape()).isEqualTo(Shape.of(0, 7));
      assertThat(f.weight("w.bf16").shape()).isEqualTo(Shape.of(4, 1));
      assertThat(f.weight("z\uD83D\uDE00").toTensor().toArray()).containsExactly(3f);
    }
  }

  @Test
  void readsEveryOtherTypeAsBytes() throws IOException {
    try (SafetensorsFile f = SafetensorsFile.open(Goldens.path("every-type.safetensors"))) {
      assertThat(f.metadata()).isEmpty();
      assertThat(f.names().stream().map(n -> info(f, n).dtype()))
          .containsExactly("I64", "F64", "C64", "F32", "I32", "I16", "F8_E4M3", "I8", "U8", "BOOL");
      assertThat(info(f, "i32").dims()).containsExactly(2, 1);
      assertThat(f.segment("i64").toArray(ValueLayout.JAVA_LONG_UNALIGNED))
          .containsExactly(1, -2, 3);
      assertThat(f.segment("f64").toArray(ValueLayout.JAVA_DOUBLE_UNALIGNED)).containsExactly(0.1);
      assertThat(f.segment("u8").toArray(ValueLayout.JAVA_BYTE)).containsExactly(0, 255);
      assertThat(f.segment("bool").toArray(ValueLayout.JAVA_BYTE)).containsExactly(1, 0, 1);
      assertThat(f.weight("f32").toTensor().toArray()).containsExactly(0.5f);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void writesWhatTheReferenceWritesByteForByte(boolean backwards) throws IOException {
    Path golden = Goldens.path("engine-types.safetensors");
    Path copy = folder.resolve("copy.safetensors");
    try (SafetensorsFile f = SafetensorsFile.open(golden)) {
      Map<String, Weight> tensors = new LinkedHashMap<>();
      List<String> names = List.copyOf(f.names());
      for (String n : backwards ? names.reversed() : names) tensors.put(n, f.weight(n));
      SafetensorsWriter.write(copy, tensors, null, f.metadata());
    }
    assertThat(Files.readAllBytes(copy)).isEqualTo(Files.readAllBytes(golden));
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16"})
  void roundsAsPyTorchRounds(DType dtype) throws IOException {
    Path golden =
        Goldens.path("rounding-" + dtype.name().toLowerCase(Locale.ROOT) + ".safetensors");
    Path fromFile = folder.resolve("from-file.safetensors");
    Path fromHeap = folder.resolve("from-heap.safetensors");
    try (SafetensorsFile f = SafetensorsFile.open(Goldens.path("rounding-f32.safetensors"))) {
      MappedWeight x = f.weight("x");
      Map<String, String> pt = Map.of("format", "pt");
      SafetensorsWriter.write(fromFile, Map.of("x", x), dtype, pt);
      SafetensorsWriter.write(fromHeap, Map.of("x", HeapWeight.of(x.toTensor())), dtype, pt);
    }
    assertThat(Files.readAllBytes(fromFile)).isEqualTo(Files.readAllBytes(golden));
    assertThat(Files.readAllBytes(fromHeap)).isEqualTo(Files.readAllBytes(golden));
  }

  @Test
  void readsTheShardsOfTheHub() throws IOException {
    Path sharded = Goldens.path("sharded");
    JsonObject expected = JsonObject.read(sharded.resolve("expected.json"));
    try (Checkpoint c = Checkpoint.open(sharded)) {
      assertThat(c.names()).isEqualTo(expected.names()).hasSize(5);
      for (String name : c.names()) {
        assertThat(c.has(name)).isTrue();
        assertThat(c.weight(name).shape()).isEqualTo(Shape.of(2, 4));
        assertThat(c.weight(name).toTensor().toArray()).containsExactly(numbers(expected, name));
      }
      assertThat(c.has("layer.5.weight")).isFalse();
    }
  }

  private static TensorInfo info(SafetensorsFile f, String name) {
    try {
      return f.info(name);
    } catch (FormatException e) {
      throw new AssertionError(e);
    }
  }

  private static float[] numbers(JsonObject o, String field) {
    List<?> wide = (List<?>) o.value(field);
    float[] out = new float[wide.size()];
    for (int i = 0; i < out.length; i++) out[i] = ((Number) wide.get(i)).floatValue();
    return out;
  }
}
