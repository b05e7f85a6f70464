package dev.outpost.offsite.control;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.random.RandomStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A controller on a federation: sums over episodes that no training saw, as one line of results.
 * Converged is a federation from the first round whose mean distance is at most {@link #CONVERGED};
 * rounds, seconds and bits to convergence are means over the episodes that got there, and absent
 * when none did.
 */
public final class Evaluation {
  /** A tenth of the way from the untuned adapter to the best that an emulator reaches is left. */
  public static final double CONVERGED = 0.1;

  private Evaluation() {}

  /** Sums over the rounds of all episodes. */
  private static final class Sums {
    final double[] distance;
    final double[] seconds;
    final double[] selected;
    final double[] kept;
    double reward;
    double bits;
    double exchanges;
    double excess;
    double oversized;
    double memory;
    double loss;
    double peak;
    int converged;
    double convergedRounds;
    double convergedSeconds;
    double convergedBits;

    Sums(int rounds) {
      distance = new double[rounds];
      seconds = new double[rounds];
      selected = new double[rounds];
      kept = new double[rounds];
    }
  }

  /** Plays so many episodes. */
  public static JsonObject line(
      FederationTask task, Controller controller, long seed, int episodes) {
    int rounds = task.length();
    Sums s = new Sums(rounds);
    long base = RandomStream.of(seed, "control/evaluation").nextLong();
    for (int e = 0; e < episodes; e++) play(task, controller, RandomStream.hash(base, e), s);
    double n = episodes;
    int devices = task.fleet().size();
    JsonObject line =
        JsonObject.create()
            .put("kind", "control")
            .put("preset", task.scenario().name())
            .put("controller", controller.name())
            .put("seed", seed)
            .put("devices", devices)
            .put("rounds", rounds)
            .put("episodes", episodes)
            .put("reward", s.reward / n)
            .put("delay_seconds", Arrays.stream(s.seconds).sum() / n)
            .put("bits", s.bits / n)
            .put("peak_memory_bytes", s.peak / n)
            .put("mean_memory_bytes", s.memory / n / rounds / devices)
            .put("exchanges", s.exchanges / n)
            .put("excess_exchanges", s.excess / n)
            .put("oversized", s.oversized / n)
            .put("participation", Arrays.stream(s.selected).sum() / n / rounds / devices)
            .put("final_loss", s.loss / n)
            .put("final_perplexity", Math.exp(s.loss / n))
            .put("converged", s.converged / n);
    if (s.converged > 0)
      line.put("rounds_to_convergence", s.convergedRounds / s.converged)
          .put("seconds_to_convergence", s.convergedSeconds / s.converged)
          .put("bits_to_convergence", s.convergedBits / s.converged);
    return line.put("distance_by_round", means(s.distance, n))
        .put("seconds_by_round", means(s.seconds, n))
        .put("participation_by_round", means(s.selected, n * devices))
        .put("kept_by_round", kept(s));
  }

  private static void play(FederationTask task, Controller controller, long seed, Sums s) {
    Environment environment = new Environment(task.scenario(), task.fleet());
    environment.reset(seed);
    double seconds = 0;
    double bits = 0;
    double peak = 0;
    boolean converged = false;
    for (int t = 0; t < task.length(); t++) {
      Decision decision = controller.decide(environment.observe());
      Environment.Step step = environment.step(decision);
      RoundCosts c = step.costs();
      seconds += c.seconds();
      bits += c.bits();
      peak = Math.max(peak, (double) c.memoryPeak());
      s.reward += step.reward();
      s.distance[t] += c.distance();
      s.seconds[t] += c.seconds();
      s.selected[t] += c.selected();
      s.exchanges += c.exchanges();
      s.excess += c.excess();
      s.oversized += c.oversized();
      s.memory += c.memorySum();
      for (Decision.Choice d : decision.devices())
        if (d.selected()) s.kept[t] += task.scenario().catalogue().level(d.level()).kept();
      if (!converged && c.distance() <= CONVERGED) {
        converged = true;
        s.converged++;
        s.convergedRounds += t + 1;
        s.convergedSeconds += seconds;
        s.convergedBits += bits;
      }
      if (step.last()) s.loss += c.loss();
    }
    s.bits += bits;
    s.peak += peak;
  }

  private static List<Double> means(double[] sums, double n) {
    List<Double> all = new ArrayList<>();
    for (double v : sums) all.add((double) (float) (v / n));
    return all;
  }

  /** Share of the middle in the hands of those who took part; 0 when nobody did. */
  private static List<Double> kept(Sums s) {
    List<Double> all = new ArrayList<>();
    for (int t = 0; t < s.kept.length; t++)
      all.add(s.selected[t] == 0 ? 0.0 : (double) (float) (s.kept[t] / s.selected[t]));
    return all;
  }
}
