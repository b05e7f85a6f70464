package dev.outpost.offsite.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.kernel.Machine;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.family.Llama;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StoredSubjectTest {
  private static final Spec SPEC =
      Llama.spec(40, 16, 64, 2, 2, 1, 32, 96, 1e-5f, 100, true).with(RotaryPairing.NEIGHBOURS);

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16", "Q8_0", "Q4_0"})
  void matricesAreReadInPlaceFromAFileThatGoes(DType stored) throws IOException {
    Subject subject = new StoredSubject("tiny", SPEC, stored);
    StoredSubject.Opened open = (StoredSubject.Opened) subject.open(subject.slots(), name -> false);
    try (open) {
      assertThat(open.file()).exists();
      assertThat(open.model().spec()).isEqualTo(SPEC);
      open.model()
          .visit((name, p) -> {
            Weight w = p.weight();
            assertThat(w.dtype()).as(name).isEqualTo(w.shape().rank() == 1 ? DType.F32 : stored);
            assertThat(w instanceof MappedWeight).as(name).isEqualTo(w.shape().rank() == 2);
          });
    }
    assertThat(open.file()).doesNotExist();
  }

  @Test
  void aRowCountsTheBytesOfItsType() throws IOException {
    Row row =
        new DecodeBench(new StoredSubject("tiny", SPEC, DType.Q8_0), false, "tiny-q8_0", 4)
            .measure(TinyModels.best(), Machine.current(), 1);
    long matrices = 40 * 64 + 2 * (64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 64 * 96);
    long vectors = (2 * 2 + 1) * 64;
    assertThat(row.name()).isEqualTo("decode-tiny-q8_0");
    assertThat(row.details())
        .containsEntry("weights", "q8_0")
        .containsEntry("weight_bytes", matrices / 32 * 34 + 4 * vectors);
  }

  @Test
  void theSuiteHasSmollmInFourTypes() {
    assertThat(Suite.decode())
        .extracting(Bench::name)
        .containsAll(
            List.of(
                "prefill-smollm-f32",
                "decode-smollm-f32",
                "prefill-smollm-bf16",
                "decode-smollm-bf16",
                "prefill-smollm-q8_0",
                "decode-smollm-q8_0",
                "prefill-smollm-q4_0",
                "decode-smollm-q4_0"));
    assertThat(Subject.smollm(DType.Q8_0).spec().parameters()).isEqualTo(134_515_008);
  }
}
