package dev.outpost.offsite.emulator;

import dev.outpost.autograd.optim.Schedule;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.train.TrainingPlan;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * How a step trains, where it says something of its own: settings {@code steps}, {@code lr}, {@code
 * batch}. What is open is the workshop's plan.
 */
public record StepTraining(OptionalInt steps, OptionalDouble learningRate, OptionalInt batch) {
  /** Says nothing. */
  public static final StepTraining OPEN =
      new StepTraining(OptionalInt.empty(), OptionalDouble.empty(), OptionalInt.empty());

  /** So many steps at this peak rate. */
  public static StepTraining of(int steps, double learningRate) {
    return new StepTraining(
        OptionalInt.of(steps), OptionalDouble.of(learningRate), OptionalInt.empty());
  }

  static StepTraining read(StepSettings s) {
    return new StepTraining(
        s.has("steps")
            ? OptionalInt.of(s.integer("steps", 1, Integer.MAX_VALUE))
            : OptionalInt.empty(),
        s.has("lr") ? OptionalDouble.of(s.number("lr", 1e-9, 10, 0)) : OptionalDouble.empty(),
        s.has("batch") ? OptionalInt.of(s.integer("batch", 1, 1 << 16)) : OptionalInt.empty());
  }

  /** The plan with what is said here in its place; with other steps the schedule is the papers'. */
  public TrainingPlan over(TrainingPlan plan) {
    int n = steps.orElse(plan.steps());
    return new TrainingPlan(
        n,
        batch.orElse(plan.batch()),
        plan.accumulation(),
        (float) learningRate.orElse(plan.learningRate()),
        n == plan.steps()
            ? plan.schedule()
            : new Schedule.Cosine(Math.min(n, Math.max(1, n / 20)), n),
        plan.weightDecay(),
        plan.clip(),
        plan.evaluateEvery(),
        plan.saveEvery(),
        plan.seed(),
        plan.recompute());
  }

  /** Adds what is said here to a step's description. */
  public JsonObject describe(JsonObject to) {
    steps.ifPresent(n -> to.put("steps", n));
    learningRate.ifPresent(x -> to.put("lr", x));
    batch.ifPresent(n -> to.put("batch", n));
    return to;
  }
}
