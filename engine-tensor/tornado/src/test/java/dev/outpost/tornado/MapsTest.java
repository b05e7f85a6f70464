package dev.outpost.tornado;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The functions where they underflow, overflow or have no value. */
class MapsTest {
  private static final Kernels TESTED =
      new TornadoKernels(new PlainAccelerator(1 << 12, 1, 1), Kernels.scalar(), true, note -> {});

  @ParameterizedTest
  @EnumSource(UnaryMap.class)
  void functionsHoldFarFromZero(UnaryMap op) {
    FarMaps.check(TESTED, op);
  }
}
