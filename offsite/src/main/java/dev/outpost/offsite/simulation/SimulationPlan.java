package dev.outpost.offsite.simulation;

import dev.outpost.offsite.federated.AggregationRule;
import dev.outpost.offsite.federated.LocalPlan;
import dev.outpost.offsite.federated.PlanFields;
import dev.outpost.offsite.federated.ServerOptimizer;
import dev.outpost.offsite.tune.MethodSettings;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;

/**
 * A federation of many simulated clients. A file of JSON; {@code docs/federation.md} tells its
 * fields.
 *
 * @param pack the package that all tune with
 * @param text what is dealt to the clients
 * @param clients how many there are
 * @param perRound how many are asked in each round
 * @param alpha of {@link DirichletSplit}; infinity deals without regard to labels
 * @param method what is tuned
 * @param local how
 * @param rounds how many
 * @param rule how updates become one
 * @param optimizer what the server makes of it
 * @param faults what goes wrong
 * @param measureEvery rounds between measurements on the held-back text
 * @param seed of everything
 */
public record SimulationPlan(
    Path pack,
    Text text,
    int clients,
    int perRound,
    double alpha,
    PeftMethod method,
    LocalPlan local,
    int rounds,
    AggregationRule rule,
    ServerOptimizer optimizer,
    Faults faults,
    int measureEvery,
    long seed) {
  private static final int MOST = 1_000_000;

  /**
   * Text whose folders at the top are its labels.
   *
   * @param path folder, or a file or zip of one label
   * @param include which files, as a glob
   * @param block tokens per row
   * @param validation share held back and measured on
   */
  public record Text(Path path, String include, int block, double validation) {}

  public SimulationPlan {
    if (perRound < 1 || perRound > clients)
      throw new IllegalArgumentException(
          "simulation: per_round must be from 1 to the " + clients + " clients, got " + perRound);
    if (local.scaffold() && method instanceof LoraConfig)
      throw new IllegalArgumentException(
          "simulation: scaffold corrects gradients by those of earlier rounds, and LoRA's factors turn when products are combined; use another method, or proximal");
  }

  /** Reads a plan; paths are relative to its folder. */
  public static SimulationPlan read(Path file) throws IOException {
    JsonObject o = JsonObject.read(file);
    o.requireOnly(
        "package",
        "text",
        "clients",
        "per_round",
        "alpha",
        "tune",
        "local",
        "rounds",
        "aggregation",
        "server",
        "faults",
        "measure_every",
        "seed");
    Path folder = Objects.requireNonNull(file.toAbsolutePath().getParent());
    try {
      int clients = o.integer("clients", 1, MOST);
      JsonObject tune = o.object("tune");
      return new SimulationPlan(
          folder.resolve(o.string("package")),
          text(o.object("text"), folder),
          clients,
          o.integer("per_round", 1, MOST, clients),
          o.number("alpha", Double.POSITIVE_INFINITY),
          MethodSettings.read(tune, tune.string("method")),
          PlanFields.local(o.object("local")),
          o.integer("rounds", 1, MOST),
          PlanFields.rule(part(o, "aggregation")),
          PlanFields.optimizer(part(o, "server")),
          faults(part(o, "faults")),
          o.integer("measure_every", 1, MOST, 1),
          o.has("seed") ? o.integer("seed") : 42);
    } catch (IllegalArgumentException e) {
      throw new FormatException(file + ": " + e.getMessage(), e);
    }
  }

  private static JsonObject part(JsonObject o, String field) throws FormatException {
    return o.has(field) ? o.object(field) : JsonObject.create();
  }

  private static Text text(JsonObject t, Path folder) throws FormatException {
    t.requireOnly("path", "include", "block", "validation");
    double share = t.number("validation", 0.05);
    if (!(share > 0 && share < 1))
      throw t.wrong("validation", "must be above 0 and below 1, got " + share);
    return new Text(
        folder.resolve(t.string("path")),
        t.optionalString("include").orElse("**"),
        t.integer("block", 2, 1 << 20),
        share);
  }

  private static Faults faults(JsonObject f) throws FormatException {
    f.requireOnly("drop", "spread", "deadline");
    return new Faults(
        f.number("drop", 0), f.number("spread", 0), f.number("deadline", Double.POSITIVE_INFINITY));
  }

  /** Everything that changes what comes out. */
  String identity() {
    return clients
        + "|"
        + perRound
        + "|"
        + alpha
        + "|"
        + method.describe()
        + "|"
        + local
        + "|"
        + rule
        + "|"
        + optimizer
        + "|"
        + faults
        + "|"
        + text.block()
        + "|"
        + text.validation()
        + "|"
        + seed;
  }
}
