package dev.outpost.transformer;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.OpenDevice;
import dev.outpost.tornado.ADevice;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every family's logits, loss, gradients, ten training losses and tokens on a device. */
class DeviceGoldenTest {
  private static @Nullable OpenDevice device;

  @TempDir private Path temporary;

  @BeforeAll
  static void open() {
    device = ADevice.open(Kernels.scalar());
  }

  @AfterAll
  static void close() {
    if (device != null) device.close();
  }

  static List<String> names() {
    return Golden.NAMES;
  }

  @ParameterizedTest
  @MethodSource("names")
  void theDeviceComputesWhatPyTorchDoes(String name) throws IOException {
    Goldens.check(name, temporary, device.kernels());
  }
}
