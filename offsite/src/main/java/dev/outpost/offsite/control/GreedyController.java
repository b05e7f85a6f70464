package dev.outpost.offsite.control;

import java.util.ArrayList;
import java.util.List;

/**
 * For each device by itself what brings the best reward in the coming round: not to take part, or
 * the emulator whose expected progress is worth most against its own delay, exchange, memory and
 * penalties. It sees neither that only the slowest device's delay counts nor, unless far-sighted,
 * any later round.
 *
 * @param scenario whose catalogue, weights and model of progress it reckons with; nothing drawn at
 *     random
 * @param farSighted counts progress for all rounds that are left, as if nothing else changed
 */
public record GreedyController(Scenario scenario, boolean farSighted) implements Controller {
  @Override
  public String name() {
    return farSighted ? "greedy, far-sighted" : "greedy";
  }

  @Override
  public Decision decide(Observation o) {
    double samples = o.devices().stream().mapToDouble(Observation.Device::samples).sum();
    List<Decision.Choice> choices = new ArrayList<>();
    for (int i = 0; i < o.devices().size(); i++) {
      Observation.Device d = o.devices().get(i);
      Decision.Choice best =
          new Decision.Choice(false, d.holding() == Observation.NONE ? 0 : d.holding());
      double most = 0;
      for (int level = 0; level < scenario.catalogue().levels().size(); level++) {
        double gain = progress(o, i, level, d.samples() / samples) - cost(o, d, level);
        if (gain > most) {
          most = gain;
          best = new Decision.Choice(true, level);
        }
      }
      choices.add(best);
    }
    return new Decision(choices);
  }

  /** What its tuning takes off everybody's distance. */
  private double progress(Observation o, int device, int level, double share) {
    Catalogue c = scenario.catalogue();
    double sum = 0;
    for (int j = 0; j < o.devices().size(); j++) {
      double loss = o.devices().get(j).loss();
      double before = Double.isNaN(loss) ? c.startLoss() : loss;
      double reached =
          c.level(level).curve().after(before, scenario.stepsPerRound(), scenario.drift());
      double weight = (1 - scenario.skew()) * share + (j == device ? scenario.skew() : 0);
      sum += c.distance(before) - c.distance(before - weight * (before - reached));
    }
    int lasts = farSighted ? o.rounds() - o.round() : 1;
    return lasts * scenario.weights().distance() * sum / o.devices().size();
  }

  private double cost(Observation o, Observation.Device d, int index) {
    Level level = scenario.catalogue().level(index);
    double bits = 16.0 * level.adapterBytes();
    boolean exchange = d.holding() != index;
    if (exchange) bits += 8.0 * level.emulatorBytes();
    if (d.holding() == Observation.NONE) bits += 8.0 * scenario.catalogue().baseBytes();
    boolean excess =
        exchange && d.exchanges() + 1 > scenario.weights().exchangeShare() * o.rounds();
    RoundCosts own =
        new RoundCosts(
            1,
            0,
            0,
            bits / d.bitsPerSecond(),
            bits,
            exchange ? 1 : 0,
            excess ? 1 : 0,
            level.memoryBytes(),
            level.memoryBytes(),
            level.memoryBytes() > d.memoryLimit() ? 1 : 0);
    return -scenario.weights().reward(own, o.devices().size(), scenario.catalogue().modelBytes());
  }
}
