package dev.outpost.offsite.emulator;

import dev.outpost.autograd.Tape;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.LayerRanking;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.BatchOrder;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Steps;
import dev.outpost.transformer.train.TrainingPlan;
import dev.outpost.transformer.train.TrainingState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Stage 1 of ScaleOT (Yao et al. 2024): learns together which blocks of a model matter and, for
 * every block, a {@link Harmonizer} to stand in for it. In turns, one step of AdamW on the
 * harmonizers of one trial network, by its language-model loss on training text; and one step on
 * the scores, by several trials on a batch of validation text ({@link LayerScores}). The model
 * itself stays frozen. One run serves emulators of every size and any choice of adapter.
 *
 * <p>The same settings give the same bits on any number of threads, interrupted and resumed or not.
 * Not thread-safe; one run per instance.
 */
public final class DynamicLayerReplace {
  private static final int POINTS = 100;

  private final TransformerModel full;
  private final Settings settings;
  private final Examples train;
  private final Examples validation;
  private final TrainingPlan plan;
  private final Kernels kernels;
  private final List<Slot> harmonizers;
  private final LayerScores scores;
  private final Steps steps;
  private final BatchOrder validationOrder;

  /**
   * What is of this method alone.
   *
   * @param group N_g: neighbouring blocks that compete
   * @param candidates N_c: trials per step on the scores
   * @param scoreRate factor on a score's step; equation 5 has none
   * @param rank r_h of the harmonizers
   */
  public record Settings(int group, int candidates, double scoreRate, int rank) {
    /** The paper's: groups of 4, 3 trials, no factor, the rank of medium models. */
    public static final Settings PAPER = new Settings(4, 3, 1, Harmonizer.MEDIUM_RANK);

    public Settings {
      if (group < 2)
        throw new IllegalArgumentException("ranking: group must be at least 2, got " + group);
      if (candidates < 2)
        throw new IllegalArgumentException(
            "ranking: candidates must be at least 2, or every reward is 0; got " + candidates);
      if (!(scoreRate > 0) || Double.isInfinite(scoreRate))
        throw new IllegalArgumentException(
            "ranking: score rate must be above 0 and finite, got " + scoreRate);
      if (rank < 1)
        throw new IllegalArgumentException("ranking: rank must be at least 1, got " + rank);
    }
  }

  /**
   * @param train text whose loss the harmonizers lower
   * @param validation text that trials are rewarded on
   * @param plan how the harmonizers are trained; its seed is that of the trials too
   */
  public DynamicLayerReplace(
      TransformerModel full,
      Settings settings,
      Examples train,
      Examples validation,
      TrainingPlan plan,
      Kernels kernels) {
    this.full = full.frozen();
    this.settings = settings;
    this.train = train;
    this.validation = validation;
    this.plan = plan;
    this.kernels = kernels;
    this.scores = new LayerScores(full.slots().size(), settings.group);
    int width = full.spec().width();
    TransformerModel all =
        full.withSlots(
                full.slots().stream()
                    .map(s -> s.with(Harmonizer.fresh(s.name(), width, settings.rank, plan.seed())))
                    .toList())
            .trainable(name -> name.contains(".harmonizer."));
    this.harmonizers = all.slots();
    this.steps = new Steps(all, train, plan, kernels);
    this.validationOrder = new BatchOrder(validation.count(), RandomStream.hash(plan.seed(), 1));
  }

  /**
   * Runs to the end, or until it is asked to stop.
   *
   * @param folder keeps the run, and is resumed from if it holds one; null keeps nothing
   * @throws dev.outpost.tensor.io.FormatException when the folder holds a run with other settings
   * @throws StoppedException when stopped early
   */
  public LayerRanking run(@Nullable Path folder, Progress progress)
      throws IOException, StoppedException {
    BaseFingerprint base = BaseFingerprint.of(full);
    JsonObject described = describe();
    JsonObject identity = identity(base, described);
    RankingHistory history = RankingHistory.empty();
    int done = 0;
    if (folder != null && Files.exists(TrainingState.last(folder))) {
      TrainingState state =
          TrainingState.resume(folder, steps.parameters(), steps.optimizer(), identity);
      done = state.step();
      scores.restore(state.more().numbers("scores"));
      history = RankingHistory.read(state.more());
    }
    try {
      steps.adopt();
      history = learn(done, history, identity, folder, progress);
    } finally {
      steps.release();
    }
    List<Harmonizer> trained = new ArrayList<>();
    for (Slot s : full.withSlots(harmonizers).frozen().slots()) trained.add((Harmonizer) s.block());
    return new LayerRanking(
        base, settings.group, scores.values(), trained, described, history.points());
  }

  private RankingHistory learn(
      int before,
      RankingHistory earlier,
      JsonObject identity,
      @Nullable Path folder,
      Progress progress)
      throws IOException, StoppedException {
    int done = before;
    RankingHistory history = earlier;
    boolean stopped = false;
    while (done < plan.steps() && !stopped) {
      // On the harmonizers of one trial: no gradient reaches anything else.
      Progress.Step step =
          steps.take(done, candidate(trial("train", done)), Objective.languageModel());
      double mean = judge(done);
      progress.step(step);
      done++;
      boolean end = done == plan.steps();
      history = history.plus(step.loss(), mean);
      if (end || due(plan.evaluateEvery(), done)) {
        double loss = validate();
        history = history.point(done, scores.values(), loss);
        progress.evaluated(done, loss, false);
      } else if (due(Math.max(1, plan.steps() / POINTS), done)) {
        history = history.point(done, scores.values(), Double.NaN);
      }
      stopped = !end && progress.stopRequested();
      if (folder != null && (end || stopped || due(plan.saveEvery(), done))) {
        JsonObject more = JsonObject.create().put("scores", scores.values());
        steps.fetch();
        TrainingState.after(done, history.write(more))
            .save(folder, steps.parameters(), steps.optimizer(), identity);
      }
    }
    if (done < plan.steps()) throw new StoppedException("rank", done);
    return history;
  }

  private static boolean due(int interval, int step) {
    return interval > 0 && step % interval == 0;
  }

  /** What a ranking says of how it came to be. */
  private JsonObject describe() {
    return JsonObject.create()
        .put("steps", plan.steps())
        .put("batch", plan.batch())
        .put("accumulation", plan.accumulation())
        .put("learning_rate", plan.learningRate())
        .put("schedule", "" + plan.schedule())
        .put("weight_decay", plan.weightDecay())
        .put("clip", plan.clip())
        .put("evaluate_every", plan.evaluateEvery())
        .put("candidates", settings.candidates)
        .put("score_rate", settings.scoreRate)
        .put("seed", plan.seed())
        .put("train_blocks", train.extent())
        .put("train_tokens_sha256", train.sha256())
        .put("validation_blocks", validation.extent())
        .put("validation_tokens_sha256", validation.sha256());
  }

  /** What a resumed run must share. */
  private JsonObject identity(BaseFingerprint base, JsonObject described) {
    JsonObject id = JsonObject.create().put("method", "dynamic-layer-replace");
    for (String field : described.names()) id.put(field, "" + described.value(field));
    return id.put("group", "" + settings.group)
        .put("rank", "" + settings.rank)
        .put("recompute", "" + plan.recompute())
        .put("base", base.sha256());
  }

  /** The network that keeps these blocks and has harmonizers for the others. */
  private TransformerModel candidate(boolean[] kept) {
    List<Slot> slots = new ArrayList<>();
    for (int i = 0; i < kept.length; i++)
      slots.add(kept[i] ? full.slots().get(i) : harmonizers.get(i));
    return full.withSlots(slots);
  }

  /** The trial of this number; a function of seed, number and scores alone. */
  private boolean[] trial(String purpose, long number) {
    RandomStream stream = RandomStream.of(plan.seed(), "layer-replace." + purpose);
    stream.seek(number * harmonizers.size());
    return scores.sample(stream);
  }

  /** A step on the scores; the mean loss of its trials. */
  private double judge(int done) {
    int[] which = validationOrder.take((long) done * plan.batch(), plan.batch());
    Batch batch = validation.batch(which);
    boolean[][] kept = new boolean[settings.candidates][];
    double[] losses = new double[settings.candidates];
    double mean = 0;
    for (int j = 0; j < losses.length; j++) {
      kept[j] = trial("reward", (long) done * losses.length + j);
      try {
        Tape tape = Tape.evaluating(kernels, steps.workspace());
        Tensor loss =
            candidate(kept[j]).loss(batch.pass(tape), batch.input(), batch.targets()).value();
        kernels.memory().fetch(loss);
        losses[j] = loss.get(0);
      } finally {
        steps.workspace().releaseAll();
      }
      mean += losses[j] / losses.length;
    }
    scores.learn(kept, LayerScores.rewards(losses), settings.scoreRate);
    return mean;
  }

  /** Mean loss of the network that keeps the better half of each group. */
  private double validate() {
    List<Double> s = scores.values();
    boolean[] kept = new boolean[s.size()];
    for (LayerScores.Group g : LayerScores.groups(s.size(), settings.group)) {
      List<Integer> best = new ArrayList<>();
      for (int i = g.from(); i < g.to(); i++) best.add(i);
      best.sort((a, b) -> Double.compare(s.get(b), s.get(a)));
      best.subList(0, g.size() / 2).forEach(i -> kept[i] = true);
    }
    return Perplexity.of(candidate(kept), kernels, steps.workspace(), validation, plan.batch())
        .meanLoss();
  }
}
