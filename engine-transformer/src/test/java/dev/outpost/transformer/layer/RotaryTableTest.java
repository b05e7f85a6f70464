package dev.outpost.transformer.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.RotaryPairing;
import org.junit.jupiter.api.Test;

class RotaryTableTest {
  @Test
  void holdsTheCosineAndSineOfEveryAngle() {
    RotaryTable table = new RotaryTable(10_000, 32, RotaryPairing.HALVES);
    Tensor t = table.angles(100);
    assertThat(t.cols()).isEqualTo(64);
    for (int p = 0; p < 100; p++)
      for (int i = 0; i < 32; i++) {
        double angle = p * Math.pow(10_000, -i / 32.0);
        // Angles up to 100 rounded to f32, as the reference rounds them.
        assertThat((double) t.get(p * 64 + i)).isCloseTo(Math.cos(angle), within(2e-5));
        assertThat((double) t.get(p * 64 + 32 + i)).isCloseTo(Math.sin(angle), within(2e-5));
      }
  }

  @Test
  void growsToWhatIsAskedAndKeepsItsNumbers() {
    RotaryTable table = new RotaryTable(500, 3, RotaryPairing.HALVES);
    Tensor few = table.angles(1);
    assertThat(table.angles(1)).isSameAs(few);
    Tensor many = table.angles(few.rows() + 1);
    assertThat(many.rows()).isGreaterThanOrEqualTo(2 * few.rows());
    assertThat(many.slice(0, few.rows()).toArray()).isEqualTo(few.toArray());
    assertThat(table.angles(2)).isSameAs(many);
  }
}
