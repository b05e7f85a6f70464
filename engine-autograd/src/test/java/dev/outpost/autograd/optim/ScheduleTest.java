package dev.outpost.autograd.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ScheduleTest {
  private final TorchGoldens goldens = new TorchGoldens();

  @Test
  void followsTheFormulasOfTransformers() {
    follows("constant.4", new Schedule.Constant(4));
    follows("linear.4.25", new Schedule.Linear(4, 25));
    follows("linear.0.10", new Schedule.Linear(0, 10));
    follows("cosine.4.25", new Schedule.Cosine(4, 25));
    follows("cosine.0.25", new Schedule.Cosine(0, 25));
  }

  private void follows(String name, Schedule schedule) {
    float[] want = goldens.get("schedule." + name);
    for (int step = 0; step < want.length; step++)
      assertThat(schedule.at(step)).as("%s at %d", name, step).isCloseTo(want[step], within(1e-6f));
  }

  @Test
  void staysAtZeroAfterTheLastStep() {
    assertThat(new Schedule.Linear(2, 10).at(15)).isZero();
    assertThat(new Schedule.Cosine(2, 10).at(15)).isZero();
  }

  @Test
  void acceptsAWarmupAsLongAsTheTraining() {
    assertThat(new Schedule.Linear(3, 3).at(2)).isEqualTo(2f / 3);
    assertThat(new Schedule.Cosine(3, 3).at(3)).isEqualTo(1);
  }

  @Test
  void refusesAWarmupLongerThanTheTraining() {
    assertThatThrownBy(() -> new Schedule.Linear(5, 4))
        .hasMessage("schedule: 0 <= warm-up <= total steps must hold, got 5 and 4");
    assertThatThrownBy(() -> new Schedule.Constant(-1)).hasMessageContaining("got -1");
  }
}
