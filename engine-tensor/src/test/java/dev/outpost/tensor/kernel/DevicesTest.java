package dev.outpost.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DevicesTest {
  private static final Device PROCESSOR =
      new FakeDevice("0:0", "a processor", Device.Kind.CPU, UnaryOperator.identity());
  private static final Device GPU =
      new FakeDevice("0:1", "a GPU", Device.Kind.GPU, UnaryOperator.identity());
  private static final Device SECOND =
      new FakeDevice("1:0", "another", Device.Kind.GPU, UnaryOperator.identity());

  private static Devices of(Device... devices) {
    return Devices.of(List.of(FakeDevice.provider(List.of(devices))));
  }

  @Test
  void withoutSoftwareThereIsAdvice() {
    assertThat(Devices.of(List.of()).advice().orElseThrow())
        .contains("TORNADOVM_HOME", "docs/gpu.md");
  }

  @Test
  void theProcessorIsChosenWhateverThereIs() {
    assertThat(of().choose("cpu")).isEmpty();
    assertThat(of(GPU).choose("cpu")).isEmpty();
  }

  @Test
  void autoTakesTheFirstGpuAndNothingElse() {
    assertThat(of().choose("auto")).isEmpty();
    assertThat(of(PROCESSOR).choose("auto")).isEmpty();
    assertThat(of(PROCESSOR, GPU, SECOND).choose("auto")).contains(GPU);
  }

  @Test
  void aNumberChoosesAnyDevice() {
    assertThat(of(PROCESSOR, GPU, SECOND).choose("0:0")).contains(PROCESSOR);
    assertThat(of(PROCESSOR, GPU, SECOND).choose("1:0")).contains(SECOND);
    assertThat(of(PROCESSOR, GPU).choose("gpu")).contains(GPU);
  }

  @Test
  void aGpuThatIsNotThereIsRefusedWithCauseAndCure() {
    assertThatThrownBy(() -> of().choose("gpu"))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("no GPU")
        .hasMessageContaining("TORNADOVM_HOME")
        .hasMessageContaining("--device cpu");
    assertThatThrownBy(() -> of(PROCESSOR).choose("gpu"))
        .isInstanceOf(DeviceException.class)
        .hasMessage("no GPU; there are 0:0 a processor");
  }

  @Test
  void softwareThatDoesNotWorkSaysWhy() {
    Devices refused = Devices.of(List.of(FakeDevice.unusable("driver", "it sleeps; wake it")));
    assertThat(refused.all()).isEmpty();
    assertThat(refused.refused()).containsExactly("driver: it sleeps; wake it");
    assertThat(refused.choose("auto")).isEmpty();
    assertThatThrownBy(() -> refused.choose("gpu"))
        .isInstanceOf(DeviceException.class)
        .hasMessage("no GPU: driver: it sleeps; wake it");
  }

  @Test
  void anUnknownNumberNamesWhatIsThere() {
    assertThatThrownBy(() -> of(PROCESSOR, GPU).choose("7:0"))
        .isInstanceOf(DeviceException.class)
        .hasMessage("no device 7:0; there are 0:0 a processor, 0:1 a GPU");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "GPU", "cuda", "0", "0:", "-1:0", "0:0 "})
  void otherWordsAreRefused(String words) {
    assertThatThrownBy(() -> of(GPU).choose(words))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("cpu, gpu, auto or a number such as 0:0")
        .hasMessageEndingWith("got " + words);
  }
}
