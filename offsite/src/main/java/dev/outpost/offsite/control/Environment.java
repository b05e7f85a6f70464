package dev.outpost.offsite.control;

import dev.outpost.tensor.random.RandomStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A simulated federation: FedPEAT's state, action, reward and penalties over episodes of fixed
 * length. Everything follows from scenario, devices and the episode's seed.
 */
public final class Environment {
  private final Scenario scenario;
  private final List<DeviceModel> fleet;
  private final double[] weights;
  private final double[] pathGains;
  private final int n;

  private RandomStream fading;
  private int round;
  private final double[] loss;
  private final double[] rate;
  private final int[] holding;
  private final int[] exchanges;
  private final long[] memory;

  /** Before the first {@link #reset}. */
  public Environment(Scenario scenario, List<DeviceModel> fleet) {
    if (fleet.isEmpty()) throw new IllegalArgumentException("environment: needs a device");
    this.scenario = scenario;
    this.fleet = List.copyOf(fleet);
    this.n = fleet.size();
    double samples = fleet.stream().mapToDouble(DeviceModel::samples).sum();
    this.weights = fleet.stream().mapToDouble(d -> d.samples() / samples).toArray();
    this.pathGains =
        fleet.stream().mapToDouble(d -> scenario.channel().pathGain(d.kilometres())).toArray();
    this.loss = new double[n];
    this.rate = new double[n];
    this.holding = new int[n];
    this.exchanges = new int[n];
    this.memory = new long[n];
    this.fading = RandomStream.of(0, "control/fading");
  }

  /**
   * What a step led to.
   *
   * @param costs of the round
   * @param reward of the round
   * @param last whether the episode has ended
   */
  public record Step(RoundCosts costs, double reward, boolean last) {}

  /** Starts an episode and tells what is seen before its first round. */
  public Observation reset(long seed) {
    fading = RandomStream.of(seed, "control/fading");
    round = 0;
    Arrays.fill(loss, scenario.catalogue().startLoss());
    Arrays.fill(holding, Observation.NONE);
    Arrays.fill(exchanges, 0);
    Arrays.fill(memory, 0);
    drawRates();
    return observe();
  }

  private void drawRates() {
    Channel c = scenario.channel();
    for (int i = 0; i < n; i++)
      rate[i] = c.rate(fleet.get(i).watts(), pathGains[i] * c.fade(fading));
  }

  /** What is seen before the coming round. */
  public Observation observe() {
    List<Observation.Device> all = new ArrayList<>(n);
    for (int i = 0; i < n; i++)
      all.add(
          new Observation.Device(
              fleet.get(i).samples(),
              fleet.get(i).allowed(),
              memory[i],
              loss[i],
              memory[i] > 0,
              rate[i],
              exchanges[i],
              holding[i]));
    return new Observation(round, scenario.rounds(), all);
  }

  /**
   * Plays a round.
   *
   * @throws IllegalArgumentException when the decision is not for these devices and emulators
   * @throws IllegalStateException when the episode has ended
   */
  public Step step(Decision decision) {
    if (round >= scenario.rounds())
      throw new IllegalStateException("environment: the episode has ended; reset it");
    check(decision);
    double seconds = 0;
    double bits = 0;
    int selected = 0;
    int handed = 0;
    int excess = 0;
    int oversized = 0;
    long sum = 0;
    long peak = 0;
    for (int i = 0; i < n; i++) {
      Decision.Choice choice = decision.devices().get(i);
      memory[i] = 0;
      if (!choice.selected()) continue;
      Level level = scenario.catalogue().level(choice.level());
      boolean exchange =
          choice.level() != scenario.catalogue().wholeModel() && holding[i] != choice.level();
      double moved = 16.0 * level.adapterBytes();
      if (exchange) {
        moved += 8.0 * level.emulatorBytes();
        if (holding[i] == Observation.NONE) moved += 8.0 * scenario.catalogue().baseBytes();
        handed++;
        if (++exchanges[i] > scenario.weights().exchangeShare() * scenario.rounds()) excess++;
        holding[i] = choice.level();
      }
      double tuning = level.flops() * scenario.stepsPerRound() / fleet.get(i).flops();
      seconds = Math.max(seconds, moved / rate[i] + tuning);
      bits += moved;
      selected++;
      memory[i] = level.memoryBytes();
      sum += memory[i];
      peak = Math.max(peak, memory[i]);
      if (memory[i] > fleet.get(i).allowed()) oversized++;
    }
    tune(decision);
    RoundCosts costs =
        new RoundCosts(
            selected,
            Arrays.stream(loss).map(scenario.catalogue()::distance).average().orElseThrow(),
            Arrays.stream(loss).average().orElseThrow(),
            seconds,
            bits,
            handed,
            excess,
            sum,
            peak,
            oversized);
    round++;
    drawRates();
    double reward = scenario.weights().reward(costs, n, scenario.catalogue().modelBytes());
    return new Step(costs, reward, round == scenario.rounds());
  }

  private void check(Decision decision) {
    if (decision.devices().size() != n)
      throw new IllegalArgumentException(
          "environment: a decision for "
              + decision.devices().size()
              + " devices does not fit a federation of "
              + n);
    for (Decision.Choice c : decision.devices())
      if (c.level() < 0 || c.level() > scenario.catalogue().wholeModel())
        throw new IllegalArgumentException(
            "environment: level "
                + c.level()
                + " is not among the catalogue's "
                + scenario.catalogue().levels().size());
  }

  /** See {@link Scenario}. */
  private void tune(Decision decision) {
    Catalogue c = scenario.catalogue();
    double[] reached = new double[c.wholeModel() + 1];
    for (int j = 0; j < n; j++) {
      double before = loss[j];
      double after = before;
      Arrays.fill(reached, Double.NaN);
      for (int i = 0; i < n; i++) {
        Decision.Choice choice = decision.devices().get(i);
        if (!choice.selected()) continue;
        int l = choice.level();
        if (Double.isNaN(reached[l]))
          reached[l] = c.level(l).curve().after(before, scenario.stepsPerRound(), scenario.drift());
        double share = (1 - scenario.skew()) * weights[i] + (i == j ? scenario.skew() : 0);
        after -= share * (before - reached[l]);
      }
      loss[j] = after;
    }
  }
}
