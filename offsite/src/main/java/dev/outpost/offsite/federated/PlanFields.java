package dev.outpost.offsite.federated;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;

/** The parts of a plan's JSON that federations and simulations share. */
public final class PlanFields {
  private PlanFields() {}

  /** How a party tunes. */
  public static LocalPlan local(JsonObject l) throws FormatException {
    l.requireOnly("steps", "batch", "lr", "weight_decay", "proximal", "scaffold");
    if (!l.has("lr")) throw l.wrong("lr", "is missing; expected a learning rate such as 1e-3");
    return new LocalPlan(
        l.integer("steps", 1, 1_000_000),
        l.integer("batch", 1, 1 << 16, 4),
        (float) l.number("lr", 0),
        (float) l.number("weight_decay", 0),
        (float) l.number("proximal", 0),
        l.bool("scaffold", false));
  }

  /** How updates become one: {@code rule} is mean, median, trimmed-mean or krum. */
  public static AggregationRule rule(JsonObject a) throws FormatException {
    String rule = a.optionalString("rule").orElse("mean");
    switch (rule) {
      case "mean", "median" -> a.requireOnly("rule");
      case "trimmed-mean" -> a.requireOnly("rule", "share");
      default -> a.requireOnly("rule", "faulty", "keep");
    }
    return switch (rule) {
      case "mean" -> new AggregationRule.WeightedMean();
      case "median" -> new AggregationRule.Median();
      case "trimmed-mean" -> new AggregationRule.TrimmedMean(a.number("share", 0.2));
      case "krum" ->
          new AggregationRule.Krum(
              a.integer("faulty", 0, 1 << 20), a.integer("keep", 1, 1 << 20, 1));
      default -> throw a.wrong("rule", "must be one of mean, median, trimmed-mean, krum");
    };
  }

  /** What the server makes of it: {@code optimizer} is take or fedadam. */
  public static ServerOptimizer optimizer(JsonObject s) throws FormatException {
    s.requireOnly("optimizer", "lr", "beta1", "beta2", "tau");
    return switch (s.optionalString("optimizer").orElse("take")) {
      case "take" -> new ServerOptimizer.Take();
      case "fedadam" ->
          new ServerOptimizer.FedAdam(
              s.number("lr", 1e-2),
              s.number("beta1", 0.9),
              s.number("beta2", 0.99),
              s.number("tau", 1e-3));
      default -> throw s.wrong("optimizer", "must be take or fedadam");
    };
  }
}
