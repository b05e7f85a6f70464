package dev.outpost.transformer.train;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.optim.AdamW;
import dev.outpost.autograd.optim.ClipNorm;
import dev.outpost.autograd.optim.Optimizer;
import dev.outpost.autograd.optim.ParameterGroup;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.privacy.DpSgd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Trains the trainable parameters of a model in place. The same plan, data and seed give the same
 * bits on any number of threads, whether or not the run was interrupted and resumed.
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
  private final Workspace workspace = new Workspace();
  private final Gradients gradients = Gradients.in(workspace);
  private final Map<String, HeapWeight> parameters = new LinkedHashMap<>();
  private final Map<String, float[]> bestValues = new HashMap<>();
  private final List<ParameterGroup> groups;
  private final Optimizer optimizer;
  private final BatchOrder order;
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
    List<ParameterGroup.Named> decayed = new ArrayList<>();
    List<ParameterGroup.Named> exempt = new ArrayList<>();
    model.visit((name, p) -> {
      if (!p.trainable()) return;
      HeapWeight w = (HeapWeight) p.weight();
      parameters.put(name, w);
      (p.shape().rank() < 2 ? exempt : decayed).add(new ParameterGroup.Named(name, w));
    });
    if (parameters.isEmpty())
      throw new IllegalArgumentException("trainer: the model has no trainable parameter");
    this.groups =
        List.of(new ParameterGroup(decayed, plan.weightDecay()), new ParameterGroup(exempt, 0));
    this.optimizer = AdamW.of(kernels, groups);
    this.order = new BatchOrder(train.count(), plan.seed());
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
      state = TrainingState.resume(folder, parameters, optimizer, settings);
    boolean stopped = false;
    while (state.step() < plan.steps() && !stopped) {
      Progress.Step done = dp == null ? step(state.step()) : privateStep(dp, state.step());
      progress.step(done);
      int step = done.step();
      boolean end = step == plan.steps();
      state = new TrainingState(step, state.bestLoss(), state.bestStep());
      if (validation != null && (end || due(plan.evaluateEvery(), step)))
        state = evaluate(validation, state, folder, progress);
      stopped = !end && progress.stopRequested();
      if (folder != null && (end || stopped || due(plan.saveEvery(), step)))
        state.save(folder, parameters, optimizer, settings);
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

  private Progress.Step step(int done) {
    gradients.clear();
    double loss = 0;
    int tokens = 0;
    for (int micro = 0; micro < plan.accumulation(); micro++) {
      long position = (long) done * plan.accumulation() + micro;
      Batch batch = train.batch(order.take(position * plan.batch(), plan.batch()));
      tokens += batch.positions();
      loss += backward(batch, RandomStream.hash(plan.seed(), position) | 1);
    }
    ClipNorm.Result clipped =
        ClipNorm.to(plan.clip()).measure(kernels, gradients, groups, 1f / plan.accumulation());
    float rate = plan.learningRate() * plan.schedule().at(done);
    optimizer.step(gradients, rate, clipped.gradScale());
    return new Progress.Step(
        done + 1,
        plan.steps(),
        loss / plan.accumulation(),
        rate,
        clipped.norm(),
        tokens,
        workspace.meter().peakBytes());
  }

  private Progress.Step privateStep(DpSgd dp, int done) {
    int mean = plan.batch() * plan.accumulation();
    PrivateGradient sum = new PrivateGradient(dp, parameters, kernels);
    sum.begin();
    double loss = 0;
    int tokens = 0;
    int[] lot = dp.lot(done, mean, train.count());
    for (int example : lot) {
      gradients.clear();
      Batch batch = train.batch(new int[] {example});
      tokens += batch.positions();
      loss += backward(batch, RandomStream.hash(plan.seed(), (long) done << 32 | example) | 1);
      sum.add(gradients, groups);
    }
    float rate = plan.learningRate() * plan.schedule().at(done);
    optimizer.step(sum.finish(done), rate, 1f / mean);
    return new Progress.Step(
        done + 1,
        plan.steps(),
        lot.length == 0 ? Double.NaN : loss / lot.length,
        rate,
        sum.meanNorm(),
        tokens,
        workspace.meter().peakBytes());
  }

  /** Adds one micro-batch's gradients; the key is odd because 0 would switch dropout off. */
  private float backward(Batch batch, long dropoutKey) {
    try {
      Tape tape = Tape.recording(kernels, workspace);
      Pass pass = batch.pass(tape).withDropout(dropoutKey).recomputing(plan.recompute());
      Var loss = objective.loss(model, pass, batch.input(), batch.targets());
      float value = loss.value().get(0);
      tape.backward(loss, gradients);
      return value;
    } finally {
      workspace.releaseAll();
    }
  }

  private TrainingState evaluate(
      Examples examples, TrainingState state, @Nullable Path folder, Progress progress)
      throws IOException {
    double loss = measure.of(model, kernels, workspace, examples, plan.batch());
    boolean best = loss < state.bestLoss();
    if (best) {
      state = new TrainingState(state.step(), loss, state.step());
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
    return workspace.meter();
  }
}
