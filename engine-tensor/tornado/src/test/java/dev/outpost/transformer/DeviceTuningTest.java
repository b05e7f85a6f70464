package dev.outpost.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.OpenDevice;
import dev.outpost.tornado.ADevice;
import dev.outpost.transformer.peft.PeftMethod;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Tiny models tuned on a device: equal to the processor's within the bound, whatever the method.
 */
class DeviceTuningTest {
  private static @Nullable OpenDevice device;

  @TempDir private Path folder;

  @BeforeAll
  static void open() {
    device = ADevice.open(Kernels.scalar());
  }

  @AfterAll
  static void close() {
    if (device != null) device.close();
  }

  static List<PeftMethod> methods() {
    return TuningOnDevice.METHODS;
  }

  @ParameterizedTest
  @MethodSource("methods")
  void tuningIsEqualToTheProcessors(PeftMethod method) {
    for (Spec spec : List.of(TinyModels.spec(2), TinyModels.llama(2)))
      TuningOnDevice.requireEqual(
          TuningOnDevice.learn(spec, method, device.kernels()),
          TuningOnDevice.learn(spec, method, TinyModels.best()));
  }

  @Test
  void aResumedRunIsTheUninterruptedToTheBit() throws IOException {
    Spec spec = TinyModels.spec(2);
    PeftMethod lora = TuningOnDevice.METHODS.getFirst();
    var want = TinyModels.numbers(TuningOnDevice.learn(spec, lora, device.kernels()).model());
    TinyModels.numbers(TuningOnDevice.resumed(spec, lora, device.kernels(), folder, 2))
        .forEach((name, got) -> assertThat(got).as(name).isEqualTo(want.get(name)));
  }

  @Test
  void threadsThatShareADeviceLearnWhatTheyWouldAlone() throws Exception {
    Spec spec = TinyModels.spec(2);
    PeftMethod lora = TuningOnDevice.METHODS.getFirst();
    var alone = TuningOnDevice.learn(spec, lora, device.kernels());
    for (var learnt : TuningOnDevice.together(2, spec, lora, device.kernels()))
      TuningOnDevice.requireSameBits(learnt, alone);
  }
}
