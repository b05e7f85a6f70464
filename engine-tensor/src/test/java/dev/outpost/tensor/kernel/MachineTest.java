package dev.outpost.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.kernel.scalar.ScalarKernelsProvider;
import org.junit.jupiter.api.Test;

class MachineTest {
  private final Machine machine = Machine.current();

  @Test
  void saysWhatItIs() {
    assertThat(machine.cpu()).isNotBlank();
    assertThat(machine.processors()).isPositive();
    assertThat(machine.vectorBits()).isIn(128, 256, 512);
    assertThat(machine.registers()).isIn(16, 32);
    assertThat(machine.describe()).contains(machine.cpu(), machine.vectorBits() + "-bit vectors");
  }

  @Test
  void measuresItsLimits() {
    try (Team team = Team.of(2)) {
      assertThat(machine.fmaGflops(team)).isPositive().isFinite();
      assertThat(machine.readGigabytes(team)).isPositive().isFinite();
    }
    machine.release();
  }

  @Test
  void plainLoopsSayThatTheyAre() {
    Ceilings plain = new ScalarKernelsProvider().ceilings();
    assertThat(plain.describe()).contains("no vectors");
    assertThat(plain.vectorBits()).isZero();
    assertThat(plain.registers()).isZero();
    try (Team team = Team.of(3)) {
      assertThat(plain.operations(team)).isEqualTo(3 * plain.operations(Team.of(1)));
      assertThat(plain.multiplyAdd(team)).isFinite();
    }
  }

  @Test
  void readsEveryElementOnce() {
    for (int length : new int[] {0, 1, 3, 17, 1000, 1023})
      for (int threads : new int[] {1, 2, 3})
        try (Team team = Team.of(threads)) {
          float[] ones = new float[length];
          java.util.Arrays.fill(ones, 1);
          // The first thread's share; that the others keep within the array is checked by Java.
          int share = length / threads;
          assertThat(new ScalarKernelsProvider().ceilings().read(team, ones)).isEqualTo(share);
          assertThat(KernelsSelection.current().ceilings().read(team, ones)).isFinite();
        }
  }
}
