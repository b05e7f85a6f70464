package dev.outpost.offsite.control;

import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A policy for each seed's federation, and all controllers compared on them. Everything is kept in
 * one folder: a training's state and policy in a folder per seed, results as JSON lines, and a
 * page.
 *
 * @param scenario what is controlled
 * @param settings of the policies' training
 * @param seeds each draws devices, links and the policy's first weights
 * @param folder where everything is kept
 * @param kernels to compute with
 */
public record ControlStudy(
    Scenario scenario, PpoSettings settings, List<Long> seeds, Path folder, Kernels kernels) {
  /** The file of results. */
  public static final String RESULTS = "results.jsonl";

  /** The page that shows them. */
  public static final String PAGE = "index.html";

  /** A trained policy, within its seed's folder. */
  public static final String POLICY = "policy.safetensors";

  private static final int SAVE_EVERY = 50;
  private static final int POINTS = 100;

  /** Watches a training and may end it. */
  public interface Watch {
    /** Hears nothing and never stops. */
    Watch SILENT = (seed, iterations, report) -> true;

    /**
     * After each iteration.
     *
     * @return whether to go on
     */
    boolean iterated(long seed, int iterations, Ppo.Report report);
  }

  public ControlStudy {
    seeds = List.copyOf(seeds);
    if (seeds.isEmpty()) throw new IllegalArgumentException("control: needs a seed");
  }

  private Path folder(long seed) {
    return folder.resolve("seed-" + seed);
  }

  private Ppo begun(FederationTask task, long seed) throws IOException {
    Ppo ppo = new Ppo(task, settings, seed, scenario.describe(), kernels);
    ppo.resume(folder(seed));
    return ppo;
  }

  private Policy policy(FederationTask task, Ppo ppo, long seed) {
    JsonObject about =
        JsonObject.create()
            .put("preset", scenario.name())
            .put("seed", seed)
            .put("iterations", ppo.iteration())
            .put("delay_unit", scenario.weights().delayUnit());
    return new Policy(
        ppo.network(), task.fleet().size(), scenario.catalogue().levels().size(), about);
  }

  /**
   * Trains what is not yet trained, seed after seed.
   *
   * @return false when the watch ended it; the state is saved
   */
  public boolean train(Watch watch) throws IOException {
    for (long seed : seeds) {
      FederationTask task = FederationTask.of(scenario, seed);
      Ppo ppo = begun(task, seed);
      while (ppo.iteration() < settings.iterations()) {
        Ppo.Report report = ppo.iterate();
        boolean last = ppo.iteration() == settings.iterations();
        boolean on = watch.iterated(seed, settings.iterations(), report);
        if (last || !on || ppo.iteration() % SAVE_EVERY == 0) ppo.save(folder(seed));
        if (!on && !last) return false;
      }
      policy(task, ppo, seed).write(folder(seed).resolve(POLICY));
    }
    return true;
  }

  /**
   * Plays every controller on every seed's federation and writes results and page.
   *
   * @param episodes per controller and seed
   * @return the lines of results
   * @throws FormatException when a policy is not trained to the end
   */
  public List<JsonObject> compare(int episodes) throws IOException {
    List<JsonObject> lines = new ArrayList<>();
    for (long seed : seeds) {
      FederationTask task = FederationTask.of(scenario, seed);
      Ppo ppo = begun(task, seed);
      if (ppo.iteration() < settings.iterations())
        throw new FormatException(
            folder(seed)
                + ": its policy has learned for "
                + ppo.iteration()
                + " of "
                + settings.iterations()
                + " iterations; run outpost control train with the same options first");
      for (Controller c : controllers(task, ppo, seed))
        lines.add(Evaluation.line(task, c, seed, episodes));
      lines.add(learning(seed, ppo.curve()));
    }
    StringBuilder text = new StringBuilder();
    for (JsonObject line : lines) text.append(line.toLine()).append('\n');
    AtomicFile.write(folder.resolve(RESULTS), text.toString().getBytes(StandardCharsets.UTF_8));
    AtomicFile.write(
        folder.resolve(PAGE), ControlPage.html(scenario, lines).getBytes(StandardCharsets.UTF_8));
    return lines;
  }

  private List<Controller> controllers(FederationTask task, Ppo ppo, long seed) {
    Catalogue c = scenario.catalogue();
    return List.of(
        new PolicyController(policy(task, ppo, seed), task.featuring(), kernels),
        FixedController.fitting(c),
        FixedController.of(c, 0),
        FixedController.of(c, (c.levels().size() - 1) / 2),
        new RandomController(c, seed),
        new GreedyController(scenario, false),
        new GreedyController(scenario, true),
        new FedFtController(c));
  }

  /** The training's rewards, averaged to at most a hundred points. */
  private JsonObject learning(long seed, List<Double> curve) {
    int each = Math.max(1, (curve.size() + POINTS - 1) / POINTS);
    List<List<Double>> points = new ArrayList<>();
    for (int from = 0; from < curve.size(); from += each) {
      List<Double> part = curve.subList(from, Math.min(curve.size(), from + each));
      double mean = part.stream().mapToDouble(v -> v).average().orElseThrow();
      points.add(List.of((double) (from + part.size()), mean));
    }
    return JsonObject.create()
        .put("kind", "learning")
        .put("preset", scenario.name())
        .put("seed", seed)
        .put("iterations", curve.size())
        .put("reward", points);
  }
}
