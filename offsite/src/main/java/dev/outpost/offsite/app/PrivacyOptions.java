package dev.outpost.offsite.app;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.privacy.DpSgd;
import dev.outpost.transformer.privacy.RdpAccountant;
import dev.outpost.transformer.privacy.Secret;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Option;

/** Differentially private training: how much may be given away of any one row. */
final class PrivacyOptions {
  @Option(
      names = "--dp-epsilon",
      paramLabel = "E",
      description =
          "Train with differential privacy (DP-SGD): the whole run gives away at most E of any one row of tokens; the noise is chosen for it. See docs/privacy.md. Default: no promise.")
  Double epsilon;

  @Option(
      names = "--dp-noise",
      paramLabel = "S",
      description =
          "Instead of --dp-epsilon: noise of S times --dp-clip; what it gives away is told. Default: as --dp-epsilon needs.")
  Double noise;

  @Option(
      names = "--dp-clip",
      paramLabel = "C",
      description = "With --dp-…: the most one row's gradient may be long. Default: 1.")
  Float clip;

  @Option(
      names = "--dp-delta",
      paramLabel = "D",
      description =
          "With --dp-…: the probability up to which E holds; well below one in the number of rows. Default: 1e-5.")
  Double delta;

  @Option(
      names = "--dp-seed",
      paramLabel = "N",
      description =
          "With --dp-…: repeatable noise, for experiments: who knows N can take the noise away. Default: a fresh secret, kept in DIR.training.")
  Long seed;

  /** What a private run does and gives away. */
  record Plan(DpSgd dp, RdpAccountant.Spent spent, JsonObject described) {}

  boolean given() {
    if (epsilon != null || noise != null) {
      BadInput.unless(
          epsilon == null || noise == null, "--dp-noise: takes the place of --dp-epsilon");
      return true;
    }
    for (Object o : new Object[] {clip, delta, seed})
      BadInput.unless(
          o == null, "--dp-clip, --dp-delta, --dp-seed: need --dp-epsilon or --dp-noise");
    return false;
  }

  Plan plan(TrainingPlan training, Examples rows, Path state) throws IOException {
    double d = delta == null ? 1e-5 : delta;
    BadInput.unless(
        d > 0 && d < 1.0 / rows.count(),
        "--dp-delta: must be above 0 and below one in the "
            + rows.count()
            + " rows, or one row in full would be within the promise; got "
            + d);
    int lot = training.batch() * training.accumulation();
    Secret secret = seed == null ? Secret.keptIn(state.resolve("dp.secret")) : Secret.ofSeed(seed);
    RdpAccountant accountant = RdpAccountant.USUAL;
    try {
      double rate = DpSgd.rate(lot, rows.count());
      double sigma =
          noise != null ? noise : accountant.noiseFor(epsilon, rate, training.steps(), d);
      DpSgd dp = new DpSgd(sigma, clip == null ? 1 : clip, secret);
      RdpAccountant.Spent spent = accountant.spent(rate, sigma, training.steps(), d);
      return new Plan(dp, spent, describe(dp, spent, training, rows, rate));
    } catch (IllegalArgumentException e) {
      throw new BadInput("--dp-epsilon, --dp-noise: " + e.getMessage());
    }
  }

  private JsonObject describe(
      DpSgd dp, RdpAccountant.Spent spent, TrainingPlan training, Examples rows, double rate) {
    return JsonObject.create()
        .put("mechanism", "dp-sgd")
        .put("epsilon", spent.epsilon())
        .put("delta", spent.delta())
        .put("noise", dp.noise())
        .put("clip", dp.clip())
        .put("sampling", "poisson")
        .put("sampling_rate", rate)
        .put("rows", rows.count())
        .put("steps", training.steps())
        .put(
            "protects",
            rows instanceof Blocks b
                ? "one row of at most " + b.length() + " tokens, present or absent"
                : "one example, present or absent")
        .put("accountant", "RDP of the sampled Gaussian mechanism (arXiv:1908.10530)")
        .put("order", spent.order())
        .put("conversion", "arXiv:1905.09982 theorem 21")
        .put("noise_from", seed == null ? "a fresh secret" : "a seed given on the command line");
  }

  /** One line for people. */
  static String words(Plan plan) {
    return String.format(
        Locale.ROOT,
        "differential privacy: (%.3f, %.1e) for each row; noise %.4f, clip %s, %s of the rows a step",
        plan.spent().epsilon(),
        plan.spent().delta(),
        plan.dp().noise(),
        plan.dp().clip(),
        plan.described().value("sampling_rate"));
  }
}
