package dev.outpost.tornado;

import dev.outpost.tensor.kernel.KernelCase;
import dev.outpost.tensor.kernel.KernelCases;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The arithmetic of the kernels' bodies, on every machine. */
class BodiesTest {
  private static final TornadoKernels TESTED =
      new TornadoKernels(
          new PlainAccelerator(1 << 21, 2, 1 << 19), Kernels.scalar(), true, note -> {});

  static List<KernelCase> cases() {
    return KernelCases.all();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void everyBodyAgreesWithTheSpecification(KernelCase kernelCase) {
    kernelCase.check(TESTED, Kernels.scalar());
  }
}
