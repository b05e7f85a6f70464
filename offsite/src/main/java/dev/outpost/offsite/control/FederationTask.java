package dev.outpost.offsite.control;

import java.util.List;

/**
 * Controlling a simulated federation, as something to learn.
 *
 * @param scenario of all episodes
 * @param fleet its devices, the same in every episode; links differ
 */
public record FederationTask(Scenario scenario, List<DeviceModel> fleet) implements Task {
  public FederationTask {
    fleet = List.copyOf(fleet);
  }

  /** The devices that a seed draws. */
  public static FederationTask of(Scenario scenario, long seed) {
    return new FederationTask(
        scenario, scenario.fleet().draw(seed, scenario.catalogue().modelBytes()));
  }

  /** How observations become states. */
  public Features featuring() {
    return new Features(scenario.catalogue(), scenario.weights().delayUnit());
  }

  @Override
  public int features() {
    return Features.count(fleet.size());
  }

  @Override
  public List<Integer> branches() {
    return Policy.branches(fleet.size(), scenario.catalogue().levels().size());
  }

  @Override
  public int length() {
    return scenario.rounds();
  }

  @Override
  public Episode start(long seed) {
    Environment environment = new Environment(scenario, fleet);
    environment.reset(seed);
    Features features = featuring();
    return new Episode() {
      @Override
      public float[] state() {
        return features.of(environment.observe());
      }

      @Override
      public float[] prior() {
        return Policy.prior(environment.observe(), scenario.catalogue().levels().size());
      }

      @Override
      public double act(int[] choices) {
        return environment.step(Policy.decision(choices)).reward();
      }
    };
  }
}
