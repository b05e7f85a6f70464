package dev.outpost.tensor.kernel;

import java.util.Arrays;
import java.util.List;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class KernelParityTest {
  private static final Kernels SPECIFICATION = Kernels.scalar();
  private static final List<Kernels> ONE = AllKernels.tuned(1);
  private static final List<Kernels> TWO = AllKernels.tuned(2);
  private static final List<Kernels> THREE = AllKernels.tuned(3);

  static List<KernelCase> cases() {
    return KernelCases.all();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void everyBackendAgreesWithTheSpecification(KernelCase kernelCase) {
    for (Kernels kernels : TWO) kernelCase.check(kernels, SPECIFICATION);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void theNumberOfThreadsDoesNotChangeABit(KernelCase kernelCase) {
    for (int i = 0; i < ONE.size(); i++) {
      List<KernelCase.Output> want = kernelCase.run().apply(ONE.get(i));
      for (Kernels other : List.of(TWO.get(i), THREE.get(i))) {
        List<KernelCase.Output> got = kernelCase.run().apply(other);
        for (int o = 0; o < want.size(); o++)
          Assertions.assertThat(Arrays.equals(got.get(o).values(), want.get(o).values()))
              .as("%s on %s threads, %s", kernelCase, other.team().threads(), want.get(o).name())
              .isTrue();
      }
    }
  }

  @Test
  void aWrongResultIsCaught() {
    KernelCase wrong =
        new KernelCase(
            "wrong",
            k ->
                List.of(
                    new KernelCase.Output(
                        "x", new float[] {k == SPECIFICATION ? 1 : 1.00001f}, new double[] {1})));
    Assertions.assertThatThrownBy(() -> wrong.check(ONE.getFirst(), SPECIFICATION))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("worst at 0: got 1.00001, want 1.0");
  }
}
