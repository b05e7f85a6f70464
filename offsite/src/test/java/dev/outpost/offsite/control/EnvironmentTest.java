package dev.outpost.offsite.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class EnvironmentTest {
  private static Decision decision(int... levels) {
    List<Decision.Choice> choices = new ArrayList<>();
    for (int l : levels) choices.add(new Decision.Choice(l >= 0, Math.max(0, l)));
    return new Decision(choices);
  }

  private static Environment environment(double skew) {
    Environment e = new Environment(Tiny.scenario(skew), Tiny.fleet());
    e.reset(1);
    return e;
  }

  @Test
  void costsAndRewardAreThoseReckonedByHand() {
    Environment e = environment(0);
    Environment.Step s = e.step(decision(1, 0));
    RoundCosts c = s.costs();
    // Rates are 3 and 2 bit/s. Bytes: 50 + 200 + 2·10 and 50 + 100 + 2·10.
    assertThat(c.bits()).isEqualTo(8 * (270 + 170));
    assertThat(c.seconds()).isCloseTo(Math.max(8 * 270 / 3.0, 8 * 170 / 2.0), within(1e-6));
    assertThat(c.exchanges()).isEqualTo(2);
    assertThat(c.memorySum()).isEqualTo(900);
    assertThat(c.memoryPeak()).isEqualTo(600);
    assertThat(c.oversized()).isZero();
    // Both curves go from 5 to 4 in the first step; distance counts to the better floor, 1.
    assertThat(c.loss()).isCloseTo(4, within(1e-12));
    assertThat(c.distance()).isCloseTo(0.75, within(1e-12));
    double want = 0.75 + 720.0 / 100 + 2.0 / 2 + 900.0 / (2 * 500);
    assertThat(s.reward()).isCloseTo(-want, within(1e-9));
    assertThat(e.observe().devices().get(0).memoryUsed()).isEqualTo(600);
    assertThat(e.observe().devices().get(1).holding()).isZero();
  }

  @Test
  void whoHoldsAnEmulatorIsNotHandedItAgain() {
    Environment e = environment(0);
    e.step(decision(1, 0));
    RoundCosts c = e.step(decision(1, -1)).costs();
    assertThat(c.bits()).isEqualTo(8 * 20);
    assertThat(c.exchanges()).isZero();
    assertThat(c.selected()).isEqualTo(1);
    assertThat(e.observe().devices().get(1).participated()).isFalse();
    assertThat(e.observe().devices().get(1).holding()).isZero();
  }

  @Test
  void tooLargeAndTooManyExchangesArePenalised() {
    Environment e = environment(0);
    // 600 bytes where 400 are allowed; a quarter of four rounds is one exchange each.
    Environment.Step first = e.step(decision(-1, 1));
    assertThat(first.costs().oversized()).isEqualTo(1);
    Environment.Step second = e.step(decision(-1, 0));
    assertThat(second.costs().excess()).isEqualTo(1);
    RoundCosts c = second.costs();
    double want = c.distance() + c.seconds() / 100 + 1 / 2.0 + 300.0 / (2 * 500) + 7 / 2.0;
    assertThat(second.reward()).isCloseTo(-want, within(1e-9));
  }

  @Test
  void progressIsTheMeanOfWhatDevicesWouldReach() {
    // Without skew a device with a quarter of the data brings a quarter of a step's way.
    Environment alike = environment(0);
    alike.step(decision(-1, 0));
    assertThat(alike.observe().devices().get(0).loss()).isCloseTo(4.75, within(1e-12));
    assertThat(alike.observe().devices().get(1).loss()).isCloseTo(4.75, within(1e-12));
    // With skew 1 nobody else gains.
    Environment apart = environment(1);
    apart.step(decision(-1, 0));
    assertThat(apart.observe().devices().get(0).loss()).isEqualTo(5);
    assertThat(apart.observe().devices().get(1).loss()).isCloseTo(4, within(1e-12));
  }

  @Test
  void everythingMovesBothWaysWhereThereIsNoEmulator() {
    Environment e = environment(0);
    e.step(decision(2, 2));
    RoundCosts c = e.step(decision(2, 2)).costs();
    assertThat(c.bits()).isEqualTo(8 * 2 * 800);
    assertThat(c.exchanges()).isZero();
    assertThat(c.oversized()).isEqualTo(2);
    assertThat(e.observe().devices().get(0).holding()).isEqualTo(Observation.NONE);
  }

  @Test
  void tuningTimeCountsWhereSpeedsAreGiven() {
    DeviceModel slow = new DeviceModel(1, 7, 2000, 0.5, 1, 1e4);
    Environment e = new Environment(Tiny.scenario(0), List.of(slow));
    e.reset(1);
    RoundCosts c = e.step(decision(0)).costs();
    assertThat(c.seconds()).isCloseTo(8 * 170 / 3.0 + 1e6 / 1e4, within(1e-6));
  }

  @Test
  void aSeedGivesTheSameEpisodeAndAnotherSeedAnother() {
    Scenario s = Scenario.gpt2Xl(CompressionCurve.measured()).lasting(5);
    FederationTask task = FederationTask.of(s, 3);
    assertThat(FederationTask.of(s, 3)).isEqualTo(task);
    assertThat(FederationTask.of(s, 4)).isNotEqualTo(task);
    List<List<Double>> rewards = new ArrayList<>();
    for (long seed : new long[] {7, 7, 8}) {
      Environment e = new Environment(s, task.fleet());
      Controller c = new RandomController(s.catalogue(), 1);
      e.reset(seed);
      List<Double> own = new ArrayList<>();
      for (boolean last = false; !last; ) {
        Environment.Step step = e.step(c.decide(e.observe()));
        own.add(step.reward());
        last = step.last();
      }
      assertThat(own).hasSize(5);
      rewards.add(own);
    }
    assertThat(rewards.get(1)).isEqualTo(rewards.get(0));
    assertThat(rewards.get(2)).isNotEqualTo(rewards.get(0));
  }

  @Test
  void refusesDecisionsForOthersAndRoundsAfterTheEnd() {
    Environment e = environment(0);
    assertThatThrownBy(() -> e.step(decision(0))).hasMessageContaining("federation of 2");
    assertThatThrownBy(() -> e.step(decision(0, 3))).hasMessageContaining("level 3");
    for (int i = 0; i < 4; i++) e.step(decision(0, 0));
    assertThatThrownBy(() -> e.step(decision(0, 0)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("reset");
  }

  @Test
  void presetsAreTheModelsTheySay() {
    CompressionCurve curve = CompressionCurve.measured();
    Catalogue xl = Scenario.gpt2Xl(curve).catalogue();
    assertThat(xl.modelBytes()).isBetween(6_500_000_000L, 6_510_000_000L);
    assertThat(xl.whole().adapterBytes()).isEqualTo(4 * 1_475_558_400L);
    assertThat(xl.levels().getLast().name()).isEqualTo("44 of 44");
    Catalogue base = Scenario.base(curve).catalogue();
    assertThat(base.levels().get(3).emulatorBytes()).isEqualTo(4 * 4 * 444_864L);
    assertThat(base.levels().get(3).adapterBytes()).isEqualTo(4 * 1_779_456L);
    assertThatThrownBy(() -> Scenario.preset("gpt3", curve)).hasMessageContaining("gpt2-xl");
  }
}
