package dev.outpost.transformer.train;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.privacy.DpSgd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Trains the trainable parameters of a model in place. The same plan, data and seed give the same
 * bits on any number of threads, whether or not the run was interrupted and resumed.
 *
 * <p>While a run lasts the parameters are in the kernels' memory; read them by hand after it.
 *
 * <p>Not thread-safe; one run per trainer.
 */
public final class Trainer {
  private final TransformerModel model;
  private final Objective objective;
  private final Examples train;
  private final @Nullable Examples validation;
  private final TrainingPlan plan;
  private final Kernels kernels;
  private final Steps steps;
  private final Map<String, HeapWeight> parameters;
  private final Map<String, float[]> bestValues = new HashMap<>();
  private final @Nullable DpSgd dp;
  private Measure measure = Measure.perplexity();

  /**
   * @param model its trainable parameters are what changes; at least one
   * @param validation measured at the plan's intervals; null keeps the last parameters as the best
   */
  public Trainer(
      TransformerModel model,
      Objective objective,
      Examples train,
      @Nullable Examples validation,
      TrainingPlan plan,
      Kernels kernels) {
    this(model, objective, train, validation, plan, kernels, null);
  }

  /**
   * With {@code dp}, each step reads a lot whose mean size is the plan's batch times accumulation,
   * one example at a time, and the plan's {@code clip} is not used. The last parameters are kept:
   * the best would be chosen by validation data, and that choice is no part of what the noise
   * hides.
   *
   * @param dp null trains plainly
   */
  public Trainer(
      TransformerModel model,
      Objective objective,
      Examples train,
      @Nullable Examples validation,
      TrainingPlan plan,
      Kernels kernels,
      @Nullable DpSgd dp) {
    this.dp = dp;
    this.model = model;
    this.objective = objective;
    this.train = train;
    this.validation = validation;
    this.plan = plan;
    this.kernels = kernels;
    this.steps = new Steps(model, train, plan, kernels);
    this.parameters = steps.parameters();
    if (parameters.isEmpty())
      throw new IllegalArgumentException("trainer: the model has no trainable parameter");
  }

  /** Chooses the best step by this instead of the loss of the next token. */
  public Trainer choosingBy(Measure other) {
    measure = other;
    return this;
  }

  /**
   * How a run ended.
   *
   * @param steps taken, those before a resume included
   * @param bestLoss lowest validation loss, or what else was measured; NaN without validation
   * @param bestStep step of that loss
   * @param finished false when stopped early
   */
  public record Result(int steps, double bestLoss, int bestStep, boolean finished) {}

  /** Trains without keeping anything on disk. At the end the model holds the best parameters. */
  public Result run(Progress progress) {
    try {
      return run(null, Map.of(), progress);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException("no file is written without a folder", e);
    }
  }

  /**
   * Trains, keeping the run in {@code folder}: resumes if a state is there. At a finished end the
   * model holds the best parameters; stopped early, the last.
   *
   * @param identity further settings that a resumed run must share, such as fingerprints of model
   *     and data
   * @throws dev.outpost.tensor.io.FormatException when the folder holds a run with other settings
   */
  public Result run(@Nullable Path folder, Map<String, String> identity, Progress progress)
      throws IOException {
    JsonObject settings = settings(identity);
    TrainingState state = new TrainingState(0, Double.POSITIVE_INFINITY, 0);
    if (folder != null && Files.exists(TrainingState.last(folder)))
      state = TrainingState.resume(folder, parameters, steps.optimizer(), settings);
    try {
      steps.adopt();
      state = train(state, folder, settings, progress);
    } finally {
      steps.release();
    }
    boolean finished = state.step() >= plan.steps();
    // Without a best of its own, a file of that name is another run's.
    if (finished && state.bestStep() > 0 && dp == null) restoreBest(folder);
    return new Result(
        state.step(),
        validation == null ? Double.NaN : state.bestLoss(),
        state.bestStep(),
        finished);
  }

  private TrainingState train(
      TrainingState from, @Nullable Path folder, JsonObject settings, Progress progress)
      throws IOException {
    TrainingState state = from;
    boolean stopped = false;
    while (state.step() < plan.steps() && !stopped) {
      Progress.Step done =
          dp == null
              ? steps.take(state.step(), model, objective)
              : steps.takePrivately(state.step(), model, objective, dp);
      progress.step(done);
      int step = done.step();
      boolean end = step == plan.steps();
      state = new TrainingState(step, state.bestLoss(), state.bestStep());
      if (validation != null && (end || due(plan.evaluateEvery(), step)))
        state = evaluate(validation, state, folder, progress);
      stopped = !end && progress.stopRequested();
      if (folder != null && (end || stopped || due(plan.saveEvery(), step))) {
        steps.fetch();
        state.save(folder, parameters, steps.optimizer(), settings);
      }
    }
    return state;
  }

  private static boolean due(int interval, int step) {
    return interval > 0 && step % interval == 0;
  }

  /** One field per setting, so that a refused resume can name what differs. */
  private JsonObject settings(Map<String, String> identity) {
    JsonObject s = JsonObject.create();
    s.put("steps", "" + plan.steps())
        .put("batch", "" + plan.batch())
        .put("accumulation", "" + plan.accumulation());
    s.put("learning_rate", "" + plan.learningRate()).put("schedule", "" + plan.schedule());
    s.put("weight_decay", "" + plan.weightDecay()).put("clip", "" + plan.clip());
    s.put("evaluate_every", "" + plan.evaluateEvery())
        .put("seed", "" + plan.seed())
        .put("recompute", "" + plan.recompute());
    s.put("train_blocks", train.extent()).put("train_tokens_sha256", train.sha256());
    s.put("validation_blocks", validation == null ? "none" : validation.extent());
    s.put("validation_tokens_sha256", validation == null ? "none" : validation.sha256());
    if (dp != null)
      s.put("dp_noise", "" + dp.noise())
          .put("dp_clip", "" + dp.clip())
          .put("dp_secret", dp.secret().fingerprint());
    identity.forEach(s::put);
    return s;
  }

  private TrainingState evaluate(
      Examples examples, TrainingState state, @Nullable Path folder, Progress progress)
      throws IOException {
    double loss = measure.of(model, kernels, steps.workspace(), examples, plan.batch());
    boolean best = loss < state.bestLoss();
    if (best) {
      state = new TrainingState(state.step(), loss, state.step());
      steps.fetch();
      if (folder != null) TrainingState.saveBest(folder, parameters);
      else parameters.forEach((name, w) -> bestValues.put(name, w.tensor().toArray()));
    }
    progress.evaluated(state.step(), loss, best);
    return state;
  }

  private void restoreBest(@Nullable Path folder) throws IOException {
    if (folder != null) TrainingState.loadBest(folder, parameters);
    else
      parameters.forEach((name, w) -> {
        float[] best = bestValues.get(name);
        if (best != null) w.tensor().copyFrom(Tensor.of(w.shape(), best));
      });
  }

  /** Bytes of activations and scratch, live and at peak. */
  public dev.outpost.tensor.memory.MemoryMeter workspaceMeter() {
    return steps.workspace().meter();
  }
}
