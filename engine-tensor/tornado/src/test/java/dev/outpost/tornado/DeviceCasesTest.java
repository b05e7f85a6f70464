package dev.outpost.tornado;

import dev.outpost.tensor.kernel.KernelCase;
import dev.outpost.tensor.kernel.KernelCases;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.OpenDevice;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The shared case table on a device, where there is one. */
class DeviceCasesTest {
  private static @Nullable OpenDevice device;

  @BeforeAll
  static void open() {
    device = ADevice.open(Kernels.scalar());
  }

  @AfterAll
  static void close() {
    if (device != null) device.close();
  }

  static List<KernelCase> cases() {
    return KernelCases.all();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void theDeviceAgreesWithTheSpecification(KernelCase kernelCase) {
    kernelCase.check(device.kernels(), Kernels.scalar());
  }

  @Test
  void threadsThatShareItComputeWhatTheyWouldAlone() throws Exception {
    ThreadsTest.check(device.kernels());
  }
}
