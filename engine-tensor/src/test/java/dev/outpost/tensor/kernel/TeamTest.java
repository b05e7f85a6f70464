package dev.outpost.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TeamTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void runsEachTaskExactlyOnce(int threads) {
    try (Team team = Team.of(threads)) {
      for (int tasks : new int[] {0, 1, 2, 7, 100}) {
        for (int round = 0; round < 200; round++) {
          AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
          team.forEach(tasks, runs::incrementAndGet);
          for (int i = 0; i < tasks; i++) assertThat(runs.get(i)).isEqualTo(1);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void rethrowsTheFirstFailureAndWorksOn(int threads) {
    try (Team team = Team.of(threads)) {
      assertThatThrownBy(() ->
              team.forEach(
                  50,
                  i -> {
                    if (i == 20) throw new IllegalStateException("task 20");
                  }))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("task 20");
      AtomicIntegerArray runs = new AtomicIntegerArray(10);
      team.forEach(10, runs::incrementAndGet);
      assertThat(runs.toString()).isEqualTo("[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]");
    }
  }

  @Test
  void writesOfTasksAreSeenByTheCaller() {
    try (Team team = Team.of(3)) {
      for (int round = 0; round < 2000; round++) {
        int[] plain = new int[8];
        int value = round;
        team.forEach(8, i -> plain[i] = value);
        assertThat(plain).containsOnly(round);
      }
    }
  }

  @Test
  void keepsAnInterruptThatArrivesWhileWaiting() {
    try (Team team = Team.of(2)) {
      Thread.currentThread().interrupt();
      team.forEach(2, i -> java.util.concurrent.locks.LockSupport.parkNanos(100_000));
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  @Test
  void refusesATeamOfNobody() {
    assertThatThrownBy(() -> Team.of(0)).hasMessageContaining("at least 1");
  }
}
