package dev.outpost.transformer.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsFile;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;

class ModelFolderTest {
  private static final TransformerModel MODEL = TinyModels.random(2, 5);

  @TempDir private Path temporary;

  @Test
  void whatIsWrittenIsReadBackBitByBit() throws IOException {
    write(MODEL);
    try (ModelFolder folder = ModelFolder.open(temporary)) {
      assertSameNumbers(folder.model(), MODEL);
      assertThat(folder.model().spec()).isEqualTo(MODEL.spec());
      assertThat(folder.report())
          .isEqualTo(new LoadReport(java.util.List.of(), java.util.List.of(), java.util.List.of()));
    }
  }

  @Test
  void matricesStayInTheFileAndVectorsComeToTheHeap() throws IOException {
    write(MODEL);
    try (ModelFolder folder = ModelFolder.open(temporary)) {
      folder
          .model()
          .visit((name, p) -> {
            assertThat(p.trainable()).as(name).isFalse();
            Class<?> expected = p.shape().rank() == 1 ? HeapWeight.class : MappedWeight.class;
            assertThat(p.weight()).as(name).isInstanceOf(expected);
          });
    }
  }

  @ParameterizedTest
  @FieldSource("dev.outpost.transformer.Golden#NAMES")
  void aReferenceModelWrittenAgainHoldsTheSameNumbers(String name) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    Path again = temporary.resolve("again");
    try (ModelFolder source = ModelFolder.open(golden.folder())) {
      ModelFolder.write(again, source.model(), source.config(), null);
      try (ModelFolder copy = ModelFolder.open(again)) {
        assertSameNumbers(copy.model(), source.model());
        assertThat(copy.config().toLine()).isEqualTo(source.config().toLine());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16"})
  void aTypeOnWritingRoundsToNearestEven(DType type) throws IOException {
    ModelFolder.write(temporary, MODEL, config(), type);
    try (ModelFolder folder = ModelFolder.open(temporary);
        SafetensorsFile file = SafetensorsFile.open(temporary.resolve("model.safetensors"))) {
      for (String name : file.names()) assertThat(file.info(name).dtype()).isEqualTo(type.name());
      Map<String, float[]> want = TinyModels.numbers(MODEL);
      Map<String, float[]> got = TinyModels.numbers(folder.model());
      want.forEach((name, values) -> {
        for (int i = 0; i < values.length; i++)
          assertThat(got.get(name)[i]).isEqualTo(rounded(values[i], type));
      });
      // Written once more, nothing is lost any longer.
      Path again = temporary.resolve("again");
      ModelFolder.write(again, folder.model(), config(), type);
      assertThat(again.resolve("model.safetensors"))
          .hasSameBinaryContentAs(temporary.resolve("model.safetensors"));
    }
  }

  private static float rounded(float v, DType type) {
    return switch (type) {
      case F32 -> v;
      case F16 -> Float.float16ToFloat(Float.floatToFloat16(v));
      case BF16 -> {
        int bits = Float.floatToRawIntBits(v);
        int low = bits & 0xFFFF;
        int high = bits >>> 16;
        boolean up = low > 0x8000 || low == 0x8000 && (high & 1) == 1;
        yield Float.intBitsToFloat((high + (up ? 1 : 0)) << 16);
      }
      case Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K ->
          throw new IllegalArgumentException("not a type of this format");
    };
  }

  @Test
  void aBareCheckpointWithMaskBuffersIsTheSameModel() throws IOException {
    write(MODEL);
    rewrite(tensors -> {
      Map<String, Weight> bare = new LinkedHashMap<>();
      tensors.forEach((name, w) -> bare.put(name.replaceFirst("^transformer\\.", ""), w));
      bare.put("h.0.attn.bias", HeapWeight.of(Tensor.zeros(1, 1, 24, 24)));
      bare.put("h.1.attn.masked_bias", HeapWeight.of(Tensor.zeros(1)));
      return bare;
    });
    try (ModelFolder folder = ModelFolder.open(temporary)) {
      assertSameNumbers(folder.model(), MODEL);
      assertThat(folder.report().ignored())
          .containsExactlyInAnyOrder("h.0.attn.bias", "h.1.attn.masked_bias");
      assertThat(folder.report().unused()).isEmpty();
    }
  }

  @Test
  void tensorsWithoutAPlaceAreReported() throws IOException {
    write(MODEL);
    rewrite(tensors -> {
      tensors.put("classifier.weight", HeapWeight.of(Tensor.zeros(2, 16)));
      tensors.put("transformer.h.2.ln_1.weight", HeapWeight.of(Tensor.zeros(16)));
      tensors.put("lm_head.weight", HeapWeight.of(Tensor.zeros(23, 16)));
      return tensors;
    });
    try (ModelFolder folder = ModelFolder.open(temporary)) {
      assertSameNumbers(folder.model(), MODEL);
      assertThat(folder.model().head().weight()).isNull();
      assertThat(folder.report().unused())
          .contains("classifier.weight", "transformer.h.2.ln_1.weight");
      assertThat(folder.report().notes()).singleElement().asString().contains("lm_head.weight");
    }
  }

  @Test
  void aMissingTensorIsNamed() throws IOException {
    write(MODEL);
    rewrite(tensors -> {
      tensors.remove("transformer.h.1.mlp.c_fc.weight");
      return tensors;
    });
    refusedWith("no tensor for parameter blocks.1.mlp.up.weight [16, 64]");
  }

  @Test
  void aMisnamedTensorIsAMissingOne() throws IOException {
    write(MODEL);
    rewrite(tensors -> {
      tensors.put("transformer.h.1.ln_1.wieght", tensors.remove("transformer.h.1.ln_1.weight"));
      return tensors;
    });
    refusedWith("no tensor for parameter blocks.1.norm1.weight [16]");
  }

  @Test
  void aWrongShapeIsToldWithBoth() throws IOException {
    write(MODEL);
    rewrite(tensors -> {
      tensors.put("transformer.h.0.mlp.c_fc.weight", HeapWeight.of(Tensor.zeros(64, 16)));
      return tensors;
    });
    refusedWith(
        "transformer.h.0.mlp.c_fc.weight has shape [64, 16]", "[16, 64]", "blocks.0.mlp.up.weight");
  }

  @Test
  void twoTensorsForOneParameterAreRefused() throws IOException {
    write(MODEL);
    rewrite(tensors -> {
      tensors.put("h.0.ln_1.bias", HeapWeight.of(Tensor.zeros(16)));
      return tensors;
    });
    refusedWith("transformer.h.0.ln_1.bias", "h.0.ln_1.bias", "both");
  }

  @Test
  void aConfigOfAnotherFamilyIsRefused() throws IOException {
    write(MODEL);
    Files.writeString(temporary.resolve("config.json"), "{\"model_type\": \"mamba\"}");
    refusedWith("config.json: field model_type", "mamba", "gpt2");
  }

  @Test
  void aConfigWithMoreLayersThanTheFileIsRefused() throws IOException {
    write(MODEL);
    config().put("n_layer", 3).write(temporary.resolve("config.json"));
    refusedWith("no tensor for parameter blocks.2.");
  }

  @Test
  void aMissingFolderConfigOrWeightFileIsNamed() throws IOException {
    refusedWith("config.json");
    write(MODEL);
    Files.delete(temporary.resolve("model.safetensors"));
    refusedWith("neither model.safetensors nor model.safetensors.index.json");
    assertThatThrownBy(() -> ModelFolder.open(temporary.resolve("nowhere")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("nowhere: no such folder");
  }

  @Test
  void aTruncatedFileIsRefused() throws IOException {
    write(MODEL);
    Path file = temporary.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - 5));
    refusedWith("model.safetensors");
  }

  @Test
  void aModelThatIsNoWholeOneIsNotWritten() {
    TransformerModel emulator = MODEL.withSlots(MODEL.slots().subList(1, 2));
    assertThatThrownBy(() -> ModelFolder.write(temporary, emulator, config(), null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("blocks.1", "n_layer", "2");
    TransformerModel lora = Attach.lora(MODEL, Set.of("blocks.0"), LoraConfig.of(2), 1);
    assertThatThrownBy(() -> ModelFolder.write(temporary, lora, config(), null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("lora");
    assertThat(temporary).isEmptyDirectory();
  }

  @Test
  void aModelWrittenOverAShardedOneLeavesNoShardBehindThatCounts() throws IOException {
    Golden golden = Golden.unpack("sharded-bf16", temporary);
    ModelFolder.write(golden.folder(), MODEL, config(), null);
    try (ModelFolder folder = ModelFolder.open(golden.folder());
        Stream<Path> files = Files.list(golden.folder())) {
      assertSameNumbers(folder.model(), MODEL);
      assertThat(files.map(f -> f.getFileName().toString()))
          .contains("model.safetensors")
          .noneMatch(f -> f.endsWith(".tmp"));
    }
  }

  private JsonObject config() {
    return new Gpt2().write(MODEL.spec(), 0);
  }

  private void write(TransformerModel model) throws IOException {
    ModelFolder.write(temporary, model, config(), null);
  }

  private void rewrite(UnaryOperator<Map<String, Weight>> change) throws IOException {
    Path file = temporary.resolve("model.safetensors");
    Map<String, Weight> tensors = new LinkedHashMap<>();
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      for (String name : f.names()) tensors.put(name, HeapWeight.of(f.weight(name).toTensor()));
    }
    SafetensorsWriter.write(file, change.apply(tensors), null, Map.of("format", "pt"));
  }

  private void refusedWith(String... parts) {
    assertThatThrownBy(() -> ModelFolder.open(temporary).close())
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(temporary.toString())
        .hasMessageContainingAll(parts);
  }

  private static void assertSameNumbers(TransformerModel got, TransformerModel want) {
    Map<String, float[]> a = TinyModels.numbers(got);
    Map<String, float[]> b = TinyModels.numbers(want);
    assertThat(a.keySet()).isEqualTo(b.keySet());
    a.forEach((name, values) -> assertThat(values).as(name).isEqualTo(b.get(name)));
  }
}
