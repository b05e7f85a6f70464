package dev.outpost.tensor.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Held to a file of the reference's Python package: {@code make_gguf_golden.py}. */
class GgufGoldenTest {
  @TempDir Path folder;

  private static GgufFile golden() throws IOException {
    return GgufFile.open(Goldens.path("types.gguf"));
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void readsNumbersAsTheReferenceDoes(DType type) throws IOException {
    try (GgufFile f = golden()) {
      MappedWeight w = f.weight(type.name());
      assertThat(w.dtype()).isEqualTo(type);
      assertThat(w.shape()).isEqualTo(Shape.of(6, Math.max(64, type.blockSize())));
      String read = type == DType.F32 ? "F32" : type + ".read";
      int[] bits = bits(w.toTensor());
      assertThat(bits).isEqualTo(bits(f.weight(read).toTensor()));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16", "Q8_0", "Q4_0"})
  void roundsToTheReferencesBits(DType type) throws IOException {
    Path file = folder.resolve("own.gguf");
    try (GgufFile f = golden()) {
      HeapWeight x = HeapWeight.of(f.weight("F32").toTensor());
      GgufWriter.write(file, Map.of(), List.of(new GgufWriter.Entry("x", x, type)));
      try (GgufFile own = GgufFile.open(file)) {
        assertThat(own.weight("x").segment().mismatch(f.weight(type.name()).segment()))
            .isEqualTo(-1);
      }
    }
  }

  @Test
  void readsMetadataOfEveryKind() throws IOException {
    try (GgufFile f = golden()) {
      GgufMetadata m = f.metadata();
      assertThat(m.text("general.architecture")).isEqualTo("llama");
      assertThat(m.integer("a.u8", 0, 300)).isEqualTo(200);
      assertThat(m.integer("a.i8", -9, 0)).isEqualTo(-3);
      assertThat(m.integer("a.u16", 0, 1 << 16)).isEqualTo(60000);
      assertThat(m.integer("a.i16", -400, 0)).isEqualTo(-300);
      assertThat(m.number("a.u32", 0)).isEqualTo(4e9);
      assertThat(m.integer("a.i32", -80000, 0)).isEqualTo(-70000);
      assertThat(m.number("a.u64", 0)).isEqualTo(0x1p40);
      assertThat(m.number("a.i64", 0)).isEqualTo(-0x1p40);
      assertThat(m.number("a.f32", 0)).isEqualTo(0.25);
      assertThat(m.number("a.f64", 0)).isEqualTo(0.1);
      assertThat(m.flag("a.bool", false)).isTrue();
      assertThat(m.text("a.text")).isEqualTo("Grüße 🚀");
      assertThat(m.texts("a.texts")).containsExactly("a", "", "Ġb");
      assertThat(m.integers("a.ints")).containsExactly(1L, -2L, 3L);
      assertThat(m.optionalText("a.none")).isEmpty();
      assertThat(m.integer("a.none", 0, 9, 5)).isEqualTo(5);
    }
  }

  @Test
  void refusesAMetadataValueOfAnotherKindAndNamesTheKey() throws IOException {
    try (GgufFile f = golden()) {
      GgufMetadata m = f.metadata();
      assertThatThrownBy(() -> m.integer("a.text", 0, 1))
          .hasMessageContaining("a.text must be a w");
      assertThatThrownBy(() -> m.integer("a.u8", 0, 1)).hasMessageContaining("0 … 1, got 200");
      assertThatThrownBy(() -> m.integer("a.none", 0, 1)).hasMessageContaining("a.none is missing");
      assertThatThrownBy(() -> m.text("a.none")).hasMessageContaining("a.none is missing");
      assertThatThrownBy(() -> m.text("a.u8")).hasMessageContaining("must be a text");
      assertThatThrownBy(() -> m.flag("a.u8", true)).hasMessageContaining("truth value");
      assertThatThrownBy(() -> m.number("a.text", 0)).hasMessageContaining("must be a number");
      assertThatThrownBy(() -> m.texts("a.ints")).hasMessageContaining("array of texts");
      assertThatThrownBy(() -> m.integers("a.u8")).hasMessageContaining("array of whole numbers");
    }
  }

  @Test
  void doesNotComputeWithOtherTypesAndNamesTheCure() throws IOException {
    try (GgufFile f = golden()) {
      assertThat(f.type("Q2_K")).isEqualTo("Q2_K");
      assertThatThrownBy(() -> f.weight("Q2_K"))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll("tensor Q2_K is Q2_K", "llama-quantize");
      assertThatThrownBy(() -> f.weight("none")).hasMessageContaining("no tensor named none");
    }
  }

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    Path file = folder.resolve("all.gguf");
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("i", -5);
    metadata.put("u", 7);
    metadata.put("l", 1L << 40);
    metadata.put("f", 0.5f);
    metadata.put("b", true);
    metadata.put("s", "ü");
    metadata.put("ss", List.of("x", ""));
    metadata.put("is", new int[] {1, -1});
    metadata.put("fs", new float[] {0.5f});
    List<GgufWriter.Entry> tensors = new ArrayList<>();
    try (GgufFile f = golden()) {
      for (DType type : DType.values())
        tensors.add(new GgufWriter.Entry(type.name(), f.weight(type.name()), type));
      tensors.add(
          new GgufWriter.Entry("odd", HeapWeight.of(Tensor.of(Shape.of(3), 1, 2, 3)), DType.F32));
      tensors.add(new GgufWriter.Entry("coarser", f.weight("Q8_0"), DType.Q4_0));
      GgufWriter.write(file, metadata, tensors);
      try (GgufFile own = GgufFile.open(file)) {
        assertThat(own.names())
            .containsExactlyElementsOf(tensors.stream().map(GgufWriter.Entry::name).toList());
        for (DType type : DType.values())
          assertThat(own.weight(type.name()).segment().mismatch(f.weight(type.name()).segment()))
              .isEqualTo(-1);
        assertThat(own.weight("odd").toTensor().toArray()).containsExactly(1, 2, 3);
        GgufMetadata m = own.metadata();
        assertThat(m.keys()).containsExactlyElementsOf(metadata.keySet());
        assertThat(m.integer("i", -9, 9)).isEqualTo(-5);
        assertThat(m.integer("u", -9, 9)).isEqualTo(7);
        assertThat(m.number("l", 0)).isEqualTo(0x1p40);
        assertThat(m.flag("b", false)).isTrue();
        assertThat(m.texts("ss")).containsExactly("x", "");
        assertThat(m.integers("is")).containsExactly(1L, -1L);
      }
    }
  }

  @Test
  void refusesToWriteWhatTheFormatCannotHold() throws IOException {
    HeapWeight narrow = HeapWeight.of(Tensor.zeros(2, 33));
    HeapWeight nan = HeapWeight.of(Tensor.zeros(32));
    nan.tensor().data()[3] = Float.NaN;
    HeapWeight vast = HeapWeight.of(Tensor.zeros(32));
    vast.tensor().data()[3] = 1e30f;
    Path file = folder.resolve("no.gguf");
    assertThatThrownBy(() -> write(file, Map.of(), narrow, DType.Q8_0))
        .hasMessageContaining("whole blocks of 32");
    assertThatThrownBy(() -> write(file, Map.of(), nan, DType.Q5_1))
        .hasMessageContaining("cannot be rounded to Q5_1");
    assertThatThrownBy(() -> write(file, Map.of(), nan, DType.Q4_0)).hasMessageContaining("NaN");
    assertThatThrownBy(() -> write(file, Map.of(), vast, DType.Q8_0))
        .hasMessageContaining("too large for a binary16 scale");
    assertThatThrownBy(() -> write(file, Map.of("k", new Object()), nan, DType.F32))
        .hasMessageContaining("metadata k cannot be a Object");
    assertThat(Files.exists(file)).isFalse();
  }

  private static int[] bits(Tensor t) {
    int[] bits = new int[t.size()];
    for (int i = 0; i < bits.length; i++) bits[i] = Float.floatToRawIntBits(t.get(i));
    return bits;
  }

  private static void write(Path file, Map<String, ?> metadata, HeapWeight w, DType type)
      throws IOException {
    GgufWriter.write(file, metadata, List.of(new GgufWriter.Entry("x", w, type)));
  }
}
