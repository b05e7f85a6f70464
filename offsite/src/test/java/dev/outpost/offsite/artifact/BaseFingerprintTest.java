package dev.outpost.offsite.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.load.ModelFolder;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BaseFingerprintTest {
  private final TransformerModel model = TinyModels.random(2, 1);
  @TempDir private Path temporary;

  @Test
  void mappedAndHeapCopiesOfEqualNumbersHaveOne() throws IOException {
    BaseFingerprint heap = BaseFingerprint.of(model);
    assertThat(BaseFingerprint.of(model.trainable(any -> true))).isEqualTo(heap);
    ModelFolder.write(temporary, model, new Gpt2().write(model.spec(), 0), null);
    try (ModelFolder folder = ModelFolder.open(temporary)) {
      assertThat(BaseFingerprint.of(folder.model())).isEqualTo(heap);
    }
  }

  @Test
  void oneBitInAnyParameterMakesAnother() {
    BaseFingerprint base = BaseFingerprint.of(model);
    for (String name : model.parameters().keySet()) {
      TransformerModel copy = model.trainable(any -> true);
      HeapWeight w = (HeapWeight) copy.parameters().get(name).weight();
      int last = w.tensor().size() - 1;
      w.tensor().data()[last] =
          Float.intBitsToFloat(Float.floatToRawIntBits(w.tensor().data()[last]) ^ 1);
      assertThat(BaseFingerprint.of(copy)).as(name).isNotEqualTo(base);
    }
  }

  @Test
  void aZerosSignCounts() {
    TransformerModel a = model.trainable(any -> true);
    TransformerModel b = model.trainable(any -> true);
    ((HeapWeight) a.norm().bias().weight()).tensor().fill(0f);
    ((HeapWeight) b.norm().bias().weight()).tensor().fill(-0f);
    assertThat(BaseFingerprint.of(a)).isNotEqualTo(BaseFingerprint.of(b));
  }

  @Test
  void anotherStoredTypeIsAnotherBase() throws IOException {
    ModelFolder.write(temporary, model, new Gpt2().write(model.spec(), 0), DType.BF16);
    try (ModelFolder folder = ModelFolder.open(temporary)) {
      assertThat(BaseFingerprint.of(folder.model())).isNotEqualTo(BaseFingerprint.of(model));
    }
  }

  @Test
  void isWhatItAlwaysWas() {
    // Computed once by another program. A changed formula would orphan every package and adapter
    // there is.
    String known = "a50d3ca364a880aa32ce8ed3cb3b53d0fbf53395ac026f59e2a1139fa8dbe4e9";
    TransformerModel fixed = TinyModels.random(1, 1).trainable(any -> true);
    fixed.visit((name, p) -> ((HeapWeight) p.weight()).tensor().fill(name.length()));
    assertThat(BaseFingerprint.of(fixed).sha256()).isEqualTo(known);
  }

  @Test
  void mustBeADigest() {
    assertThatThrownBy(() -> new BaseFingerprint("abc"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("64");
    assertThat(new BaseFingerprint("0123456789abcdef".repeat(4)).brief()).isEqualTo("0123456789ab");
  }
}
