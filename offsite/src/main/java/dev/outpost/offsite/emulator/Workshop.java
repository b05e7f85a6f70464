package dev.outpost.offsite.emulator;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a step may use besides the model.
 *
 * @param kernels arithmetic
 * @param text public text to learn from, or null
 * @param validation public text to choose by, or null
 * @param plan how a step trains that does not say otherwise
 * @param state folder that keeps unfinished runs, or null to keep nothing
 * @param progress hears of a run, by its name
 */
public record Workshop(
    Kernels kernels,
    @Nullable Examples text,
    @Nullable Examples validation,
    TrainingPlan plan,
    @Nullable Path state,
    Function<String, Progress> progress) {
  /** A workshop without text, for steps that only look at the weights. */
  public static Workshop of(Kernels kernels, long seed) {
    return new Workshop(
        kernels, null, null, TrainingPlan.of(200, 4, 1e-4f, seed), null, run -> Progress.SILENT);
  }

  /** The same with public text. */
  public Workshop withText(Examples text, @Nullable Examples validation) {
    return new Workshop(kernels, text, validation, plan, state, progress);
  }

  /** The same with another plan. */
  public Workshop with(TrainingPlan plan) {
    return new Workshop(kernels, text, validation, plan, state, progress);
  }

  /** The same, keeping unfinished runs in a folder of its own inside. */
  public Workshop inside(String folder) {
    return state == null
        ? this
        : new Workshop(kernels, text, validation, plan, state.resolve(folder), progress);
  }

  /** Seed of everything random. */
  public long seed() {
    return plan.seed();
  }

  /** The public text, for a step that cannot do without. */
  public Examples text(EmulatorStep step) {
    if (text == null)
      throw new IllegalArgumentException(
          "step "
              + step.name()
              + ": needs public text to learn from; give --corpus (in code: Workshop.withText)");
    return text;
  }

  /** Text to choose or reward by: the validation part, or the training text without one. */
  public Examples held(EmulatorStep step) {
    return validation != null ? validation : text(step);
  }
}
