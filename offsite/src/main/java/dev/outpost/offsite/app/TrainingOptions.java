package dev.outpost.offsite.app;

import dev.outpost.autograd.optim.Schedule;
import dev.outpost.transformer.train.TrainingPlan;
import picocli.CommandLine.Option;

/** Options of every command that trains. Unset ones take the command's own default. */
final class TrainingOptions {
  enum Shape {
    constant,
    linear,
    cosine
  }

  @Option(names = "--steps", paramLabel = "N", description = "Optimizer steps.")
  Integer steps;

  @Option(names = "--batch", paramLabel = "N", description = "Blocks of text per micro-batch.")
  Integer batch;

  @Option(names = "--accumulate", paramLabel = "N", description = "Micro-batches per step: a larger batch in the memory of a small one. Default: ${DEFAULT-VALUE}.")
  int accumulate = 1;

  @Option(names = "--lr", paramLabel = "X", description = "Peak learning rate of AdamW.")
  Float learningRate;

  @Option(names = "--schedule", paramLabel = "NAME", description = "Learning rate over time: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  Shape schedule = Shape.cosine;

  @Option(names = "--warmup", paramLabel = "N", description = "Steps over which the learning rate rises from 0. Default: a twentieth of the steps.")
  Integer warmup;

  @Option(names = "--weight-decay", paramLabel = "X", description = "Decoupled decay of matrices; biases and norms are exempt. Default: ${DEFAULT-VALUE}.")
  float weightDecay = 0;

  @Option(names = "--clip", paramLabel = "X", description = "Largest global gradient norm. Default: ${DEFAULT-VALUE}.")
  float clip = 1;

  @Option(names = "--eval-every", paramLabel = "N", description = "Steps between validations; the best one is kept. Default: a tenth of the steps.")
  Integer evaluateEvery;

  @Option(names = "--save-every", paramLabel = "N", description = "Steps between saved states, from which the same command resumes. Default: a tenth of the steps.")
  Integer saveEvery;

  @Option(names = "--recompute", description = "Run blocks again on the way back instead of keeping their activations: less memory, about a third more time.")
  boolean recompute;

  @Option(names = "--validation", paramLabel = "SHARE", description = "Share of the text held back to choose the best step. Default: ${DEFAULT-VALUE}.")
  double validation = 0.1;

  /** The plan with this command's defaults. */
  TrainingPlan plan(int defaultSteps, int defaultBatch, float defaultRate, long seed) {
    if (!(validation > 0 && validation < 1)) throw new BadInput("--validation: must be between 0 and 1, got " + validation);
    int n = steps == null ? defaultSteps : steps;
    int warm = warmup == null ? Math.min(n, Math.max(1, n / 20)) : warmup;
    int tenth = Math.max(1, n / 10);
    try {
      Schedule s =
          switch (schedule) {
            case constant -> new Schedule.Constant(warm);
            case linear -> new Schedule.Linear(warm, n);
            case cosine -> new Schedule.Cosine(warm, n);
          };
      return new TrainingPlan(
          n,
          batch == null ? defaultBatch : batch,
          accumulate,
          learningRate == null ? defaultRate : learningRate,
          s,
          weightDecay,
          clip,
          evaluateEvery == null ? tenth : evaluateEvery,
          saveEvery == null ? tenth : saveEvery,
          seed,
          recompute);
    } catch (IllegalArgumentException e) {
      throw new BadInput(e.getMessage());
    }
  }
}
