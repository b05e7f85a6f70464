package dev.outpost.tornado;

import dev.outpost.tensor.kernel.KernelCase;
import dev.outpost.tensor.kernel.KernelCases;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** The same cases on a device, where TornadoVM runs and has one. */
class DeviceCasesTest {
  private static TornadoAccelerator device;
  private static TornadoKernels tested;

  @BeforeAll
  static void open() {
    device =
        new TornadoAccelerator(
            TornadoRuntimeProvider.getTornadoRuntime().getBackend(0).getDevice(0),
            "first",
            1 << 22,
            2,
            1 << 20);
    tested = new TornadoKernels(device, Kernels.scalar(), note -> {});
  }

  @AfterAll
  static void close() {
    System.err.println(tested.traffic());
    device.close();
  }

  static List<KernelCase> cases() {
    return KernelCases.all();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void theDeviceAgreesWithTheSpecification(KernelCase kernelCase) {
    kernelCase.check(tested, Kernels.scalar());
  }
}
