package dev.outpost.offsite.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ControllersTest {
  private static Observation.Device device(long limit, double loss, double rate, int holding) {
    return new Observation.Device(100, limit, 0, loss, false, rate, 0, holding);
  }

  private static Observation observation(Observation.Device... devices) {
    return new Observation(0, 4, List.of(devices));
  }

  private static Decision.Choice only(Controller c, Observation.Device d) {
    return c.decide(observation(d)).devices().getFirst();
  }

  @Test
  void fixedGivesEverybodyTheSameOrWhatFits() {
    Catalogue c = Tiny.catalogue();
    Observation o = observation(device(700, 5, 1, -1), device(599, 5, 1, 1), device(9, 5, 1, 0));
    assertThat(FixedController.of(c, 1).decide(o)).isEqualTo(Decision.all(3, 1));
    assertThat(FixedController.fitting(c).decide(o).devices())
        .containsExactly(
            new Decision.Choice(true, 1),
            new Decision.Choice(true, 0),
            new Decision.Choice(true, 0));
    assertThatThrownBy(() -> FixedController.of(c, 2)).hasMessageContaining("got 2");
    assertThat(new FedFtController(c).decide(o)).isEqualTo(Decision.all(3, 2));
  }

  @Test
  void randomFollowsFromSeedAndRound() {
    RandomController c = new RandomController(Tiny.catalogue(), 5);
    Observation.Device[] many = new Observation.Device[64];
    java.util.Arrays.fill(many, device(700, 5, 1, -1));
    Observation o = observation(many);
    assertThat(c.decide(o)).isEqualTo(c.decide(o));
    assertThat(c.decide(o)).isNotEqualTo(new RandomController(Tiny.catalogue(), 6).decide(o));
    assertThat(c.decide(o)).isNotEqualTo(c.decide(new Observation(1, 4, List.of(many))));
    assertThat(c.decide(o).devices().stream().filter(Decision.Choice::selected).count())
        .isBetween(16L, 48L);
  }

  @Test
  void greedyTakesTheBestRewardThatTheEnvironmentWouldGive() {
    // One device: then its own delay is the federation's, and greedy must match a trial of each.
    DeviceModel d = new DeviceModel(1, 7, 1400, 0.5, 300, Double.POSITIVE_INFINITY);
    for (double distance : new double[] {0.5, 20, 60}) {
      RewardWeights w = new RewardWeights(distance, 1, 100, 1, 1, 10, 7, 0.25);
      Scenario s = Tiny.scenario(0).with(w);
      Environment e = new Environment(s, List.of(d));
      GreedyController greedy = new GreedyController(s, false);
      for (int before = -1; before <= 1; before++) {
        Decision best = null;
        double most = Double.NEGATIVE_INFINITY;
        for (int level = -1; level <= 1; level++) {
          e.reset(1);
          if (before >= 0) e.step(Decision.all(1, before));
          Decision trial =
              level < 0
                  ? new Decision(List.of(new Decision.Choice(false, Math.max(0, before))))
                  : Decision.all(1, level);
          double reward = e.step(trial).reward();
          if (reward > most) {
            most = reward;
            best = trial;
          }
        }
        e.reset(1);
        if (before >= 0) e.step(Decision.all(1, before));
        assertThat(greedy.decide(e.observe()))
            .as("distance %s, holding %d", distance, before)
            .isEqualTo(best);
      }
    }
  }

  @Test
  void farSightedGreedyPaysForWhatLasts() {
    Scenario s = Tiny.scenario(0).with(new RewardWeights(8, 1, 100, 0.1, 0.1, 10, 7, 1));
    Observation.Device d = device(700, 5, 3, Observation.NONE);
    assertThat(only(new GreedyController(s, false), d).selected()).isFalse();
    assertThat(only(new GreedyController(s, true), d).selected()).isTrue();
  }

  @Test
  void aPolicyServesOnlyTheFederationItWasTrainedFor() {
    Scenario s = Tiny.scenario(0);
    Features features = new Features(s.catalogue(), 100);
    PolicyNetwork network = PolicyNetwork.init(Features.count(2), 8, 2 * (2 + 2), 1);
    Policy policy = new Policy(network, 2, 2, JsonObject.create());
    PolicyController c = new PolicyController(policy, features, Kernels.scalar());
    Observation two = observation(device(700, 5, 1, -1), device(600, Double.NaN, 1, 1));
    assertThat(c.decide(two).devices()).hasSize(2);
    assertThat(c.decide(two)).isEqualTo(c.decide(two));
    assertThatThrownBy(() -> c.decide(observation(device(1, 5, 1, -1))))
        .hasMessageContaining("trained for 2 devices");
    Features other =
        new Features(
            new Catalogue(List.of(s.catalogue().level(0)), s.catalogue().whole(), 0, 500), 100);
    assertThatThrownBy(() -> new PolicyController(policy, other, Kernels.scalar()))
        .hasMessageContaining("among 2 emulators, here are 1");
    assertThatThrownBy(() -> new Policy(network, 3, 2, JsonObject.create()))
        .hasMessageContaining("does not fit 3 devices");
  }

  @Test
  void featuresAreFiniteAndTellDevicesApart() {
    Features f = new Features(Tiny.catalogue(), 100);
    Observation.Device odd =
        new Observation.Device(1, 1, Long.MAX_VALUE, Double.NaN, true, 0, 99, 1);
    float[] x = f.of(observation(device(700, 5, 3, -1), odd));
    assertThat(x).hasSize(Features.count(2));
    for (float v : x) assertThat(v).isBetween(-3f, 3f);
    float[] swapped = f.of(observation(odd, device(700, 5, 3, -1)));
    assertThat(swapped).isNotEqualTo(x);
  }
}
