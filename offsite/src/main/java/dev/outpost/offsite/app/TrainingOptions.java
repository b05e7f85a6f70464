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

  @Option(
      names = "--accumulate",
      paramLabel = "N",
      description =
          "Micro-batches per step: a larger batch in the memory of a small one. Default: ${DEFAULT-VALUE}.")
  int accumulate = 1;

  @Option(names = "--lr", paramLabel = "X", description = "Peak learning rate of AdamW.")
  Float learningRate;

  @Option(
      names = "--schedule",
      paramLabel = "NAME",
      description = "Learning rate over time: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  Shape schedule = Shape.cosine;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      description =
          "Steps over which the learning rate rises from 0. Default: a twentieth of the steps.")
  Integer warmup;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      description =
          "Decoupled decay of matrices; biases and norms are exempt. Default: ${DEFAULT-VALUE}.")
  float weightDecay = 0;

  @Option(
      names = "--clip",
      paramLabel = "X",
      description = "Largest global gradient norm. Default: ${DEFAULT-VALUE}.")
  float clip = 1;

  @Option(
      names = "--eval-every",
      paramLabel = "N",
      description =
          "Steps between validations; the best one is kept. Default: a tenth of the steps.")
  Integer evaluateEvery;

  @Option(
      names = "--save-every",
      paramLabel = "N",
      description =
          "Steps between saved states, from which the same command resumes. Default: a tenth of the steps.")
  Integer saveEvery;

  @Option(
      names = "--recompute",
      description =
          "Run blocks again on the way back instead of keeping their activations: less memory, about a third more time.")
  boolean recompute;

  @Option(
      names = "--validation",
      paramLabel = "SHARE",
      description =
          "Share of the text held back to choose the best step. Default: ${DEFAULT-VALUE}.")
  double validation = 0.1;

  /** Whether an option is given that says how to train. */
  boolean given() {
    return steps != null
        || batch != null
        || learningRate != null
        || warmup != null
        || evaluateEvery != null
        || saveEvery != null;
  }

  /** The plan with this command's defaults. */
  TrainingPlan plan(int defaultSteps, int defaultBatch, float defaultRate, long seed) {
    int n = steps == null ? defaultSteps : steps;
    int tenth = Math.max(1, n / 10);
    int blocks = batch == null ? defaultBatch : batch;
    float rate = learningRate == null ? defaultRate : learningRate;
    int warm = warmup == null ? Math.min(n, Math.max(1, n / 20)) : warmup;
    int evaluate = evaluateEvery == null ? tenth : evaluateEvery;
    int save = saveEvery == null ? tenth : saveEvery;
    BadInput.unless(n >= 1, "--steps: must be at least 1, got " + n);
    BadInput.unless(blocks >= 1, "--batch: must be at least 1, got " + blocks);
    BadInput.unless(accumulate >= 1, "--accumulate: must be at least 1, got " + accumulate);
    BadInput.unless(
        rate > 0 && Float.isFinite(rate), "--lr: must be above 0 and finite, got " + rate);
    BadInput.unless(
        warm >= 0 && warm <= n, "--warmup: must be between 0 and the " + n + " steps, got " + warm);
    BadInput.unless(
        weightDecay >= 0 && Float.isFinite(weightDecay),
        "--weight-decay: must be 0 or more and finite, got " + weightDecay);
    BadInput.unless(clip > 0, "--clip: must be above 0 (Infinity does not clip), got " + clip);
    BadInput.unless(
        evaluate >= 0,
        "--eval-every: must be 0 (only after the last step) or more, got " + evaluate);
    BadInput.unless(save >= 0, "--save-every: must be 0 (only at the end) or more, got " + save);
    BadInput.unless(
        validation > 0 && validation < 1,
        "--validation: must be above 0 and below 1, got " + validation);
    Schedule over =
        switch (schedule) {
          case constant -> new Schedule.Constant(warm);
          case linear -> new Schedule.Linear(warm, n);
          case cosine -> new Schedule.Cosine(warm, n);
        };
    return new TrainingPlan(
        n, blocks, accumulate, rate, over, weightDecay, clip, evaluate, save, seed, recompute);
  }
}
