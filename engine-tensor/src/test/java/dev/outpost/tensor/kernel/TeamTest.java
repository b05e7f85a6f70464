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
  void runsEachTaskOncePerCall(int threads) {
    try (Team team = Team.of(threads)) {
      for (int tasks : new int[] {0, 1, 2, 7, 100}) {
        for (int round = 0; round < 200; round++) {
          AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
          team.forEach(tasks, runs::incrementAndGet);
          team.forEachNear(tasks, runs::incrementAndGet);
          for (int i = 0; i < tasks; i++) assertThat(runs.get(i)).isEqualTo(2);
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
  void helpsWithAShareWhoseThreadIsHeldUp() {
    try (Team team = Team.of(2)) {
      AtomicIntegerArray runs = new AtomicIntegerArray(20);
      // The first task of the caller's share waits for all the others, which only a helper can run.
      team.forEachNear(
          20,
          i -> {
            if (i == 0) while (total(runs) < 19) Thread.onSpinWait();
            runs.incrementAndGet(i);
          });
      assertThat(total(runs)).isEqualTo(20);
    }
  }

  private static int total(AtomicIntegerArray runs) {
    int sum = 0;
    for (int i = 0; i < runs.length(); i++) sum += runs.get(i);
    return sum;
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
