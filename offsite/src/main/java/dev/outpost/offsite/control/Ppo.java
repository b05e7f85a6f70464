package dev.outpost.offsite.control;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Multiply;
import dev.outpost.autograd.op.Scale;
import dev.outpost.autograd.op.Sum;
import dev.outpost.autograd.optim.AdamW;
import dev.outpost.autograd.optim.ClipNorm;
import dev.outpost.autograd.optim.Schedule;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.train.TrainingState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Proximal policy optimisation with action branching (FedPEAT's SABPPO): one agent, a trunk and a
 * value that all share, an independent categorical head per decision; see {@link PolicyLoss} for
 * what is minimised and {@link Advantages} for the advantages. The layout of the branches is ours.
 *
 * <p>Every random number depends on seed and iteration alone, so a saved run goes on with the bits
 * that it would have had. Not thread-safe.
 */
public final class Ppo {
  // Outside of these the penalty does nothing, or nothing else does, and the way back is long.
  private static final double LEAST_BETA = 1e-3;
  private static final double MOST_BETA = 1e2;

  private final Task task;
  private final PpoSettings settings;
  private final long seed;
  private final JsonObject identity;
  private final Kernels kernels;
  private final Branches branches;
  private final PolicyNetwork network;
  private final AdamW optimizer;
  private final Gradients gradients = new Gradients();
  private final Workspace workspace = new Workspace();
  private final List<Double> curve = new ArrayList<>();
  private int iteration;
  private double beta;

  /**
   * A run that has not begun.
   *
   * @param identity of the task, as texts: a saved run of another one is refused
   */
  public Ppo(Task task, PpoSettings settings, long seed, JsonObject identity, Kernels kernels) {
    this.task = task;
    this.settings = settings;
    this.seed = seed;
    this.identity = identity;
    this.kernels = kernels;
    this.branches = Branches.of(task.branches());
    this.network = PolicyNetwork.init(task.features(), settings.hidden(), branches.width(), seed);
    this.optimizer = AdamW.of(kernels, network.groups());
    this.beta = settings.kl();
  }

  /**
   * What an iteration showed.
   *
   * @param iteration from 1
   * @param reward of an episode, mean over those collected, before learning from them
   * @param kl of the policy after learning from the one before, mean over the last epoch's updates
   * @param beta β that was used
   * @param entropy summed over branches
   * @param clipped share of steps whose gradient was clipped away
   * @param valueLoss mean squared error, scaled rewards
   */
  public record Report(
      int iteration,
      double reward,
      double kl,
      double beta,
      double entropy,
      double clipped,
      double valueLoss) {}

  /** Steps of all episodes, episode after episode. */
  private record Steps(
      List<float[]> states,
      List<float[]> priors,
      List<int[]> choices,
      List<double[]> old,
      List<double[]> oldLogs,
      double[] advantages,
      double[] targets,
      double meanReward) {}

  /** Iterations done. */
  public int iteration() {
    return iteration;
  }

  /** Mean reward of an episode, by iteration. */
  public List<Double> curve() {
    return List.copyOf(curve);
  }

  /** The network as it is now. */
  public PolicyNetwork network() {
    return network;
  }

  /** Collects episodes and learns from them. */
  public Report iterate() {
    Steps steps = collect();
    float rate =
        (float) settings.learningRate()
            * new Schedule.Linear(0, settings.iterations()).at(iteration);
    RandomStream order = RandomStream.of(seed, "control/order/" + iteration);
    int[] all = IntStream.range(0, steps.choices.size()).toArray();
    double used = beta;
    double kl = 0;
    double entropy = 0;
    double clipped = 0;
    double valueLoss = 0;
    int updates = 0;
    for (int epoch = 0; epoch < settings.epochs(); epoch++) {
      order.shuffle(all);
      for (int from = 0; from < all.length; from += settings.minibatch()) {
        int[] rows =
            Arrays.copyOfRange(all, from, Math.min(all.length, from + settings.minibatch()));
        Update u = update(steps, rows, rate);
        if (epoch < settings.epochs() - 1) continue;
        kl += u.figures.kl();
        entropy += u.figures.entropy();
        clipped += u.figures.clipped();
        valueLoss += u.valueLoss;
        updates++;
      }
    }
    kl /= updates;
    if (settings.klTarget() > 0) {
      if (kl > 1.5 * settings.klTarget()) beta = Math.min(MOST_BETA, beta * 2);
      else if (kl < settings.klTarget() / 1.5) beta = Math.max(LEAST_BETA, beta / 2);
    }
    iteration++;
    curve.add(steps.meanReward);
    return new Report(
        iteration,
        steps.meanReward,
        kl,
        used,
        entropy / updates,
        clipped / updates,
        valueLoss / updates);
  }

  private Steps collect() {
    int n = settings.episodes();
    int length = task.length();
    List<Task.Episode> episodes = new ArrayList<>();
    List<RandomStream> random = new ArrayList<>();
    long base = RandomStream.of(seed, "control/episodes/" + iteration).nextLong();
    for (int e = 0; e < n; e++) {
      episodes.add(task.start(RandomStream.hash(base, e)));
      random.add(RandomStream.of(RandomStream.hash(base, e), "control/choices"));
    }
    float[][][] states = new float[n][length][];
    float[][][] priors = new float[n][length][];
    int[][][] choices = new int[n][length][];
    double[][][] old = new double[n][length][branches.width()];
    double[][][] logs = new double[n][length][branches.width()];
    double[][] rewards = new double[n][length];
    double[][] values = new double[n][length];
    double sum = 0;
    for (int t = 0; t < length; t++) {
      List<float[]> now = new ArrayList<>();
      List<float[]> before = new ArrayList<>();
      for (int e = 0; e < n; e++) {
        now.add(states[e][t] = episodes.get(e).state());
        float[] prior = episodes.get(e).prior();
        before.add(priors[e][t] = prior.length == 0 ? new float[branches.width()] : prior);
      }
      Tape tape = Tape.evaluating(kernels, workspace);
      try (Tape.Scope _ = tape.scope()) {
        PolicyNetwork.Heads heads = network.forward(tape, rows(now), rows(before));
        Tensor logits = heads.logits().value();
        for (int e = 0; e < n; e++) {
          branches.softmax(
              logits.data(), logits.offset() + e * branches.width(), old[e][t], logs[e][t]);
          values[e][t] = heads.values().value().get(e);
          choices[e][t] = branches.sample(old[e][t], random.get(e));
          double reward = episodes.get(e).act(choices[e][t]);
          sum += reward;
          rewards[e][t] = reward * settings.rewardScale();
        }
      }
    }
    List<float[]> allStates = new ArrayList<>();
    List<float[]> allPriors = new ArrayList<>();
    List<int[]> allChoices = new ArrayList<>();
    List<double[]> allOld = new ArrayList<>();
    List<double[]> allLogs = new ArrayList<>();
    double[] advantages = new double[n * length];
    double[] targets = new double[n * length];
    for (int e = 0; e < n; e++) {
      Advantages a = Advantages.of(rewards[e], values[e], 0, settings.gamma(), settings.lambda());
      System.arraycopy(a.advantages(), 0, advantages, e * length, length);
      System.arraycopy(a.targets(), 0, targets, e * length, length);
      allStates.addAll(Arrays.asList(states[e]));
      allPriors.addAll(Arrays.asList(priors[e]));
      allChoices.addAll(Arrays.asList(choices[e]));
      allOld.addAll(Arrays.asList(old[e]));
      allLogs.addAll(Arrays.asList(logs[e]));
    }
    return new Steps(
        allStates,
        allPriors,
        allChoices,
        allOld,
        allLogs,
        Advantages.normalised(advantages),
        targets,
        sum / n);
  }

  private record Update(PolicyLoss.Figures figures, double valueLoss) {}

  private Update update(Steps steps, int[] rows, float rate) {
    List<float[]> states = new ArrayList<>();
    List<float[]> priors = new ArrayList<>();
    List<int[]> choices = new ArrayList<>();
    List<double[]> old = new ArrayList<>();
    List<double[]> oldLogs = new ArrayList<>();
    double[] advantages = new double[rows.length];
    Tensor targets = Tensor.zeros(rows.length, 1);
    for (int i = 0; i < rows.length; i++) {
      states.add(steps.states.get(rows[i]));
      priors.add(steps.priors.get(rows[i]));
      choices.add(steps.choices.get(rows[i]));
      old.add(steps.old.get(rows[i]));
      oldLogs.add(steps.oldLogs.get(rows[i]));
      advantages[i] = steps.advantages[rows[i]];
      targets.data()[i] = (float) -steps.targets[rows[i]];
    }
    gradients.clear();
    Tape t = Tape.recording(kernels, workspace);
    PolicyNetwork.Heads heads = network.forward(t, rows(states), rows(priors));
    PolicyLoss.Result policy =
        PolicyLoss.policyLoss(
            t,
            heads.logits(),
            branches,
            new PolicyLoss.Taken(choices, old, oldLogs, advantages),
            new PolicyLoss.Terms(settings.clip(), beta, settings.entropy()));
    Var error = Add.add(t, heads.values(), t.constant(targets));
    Var squares = Sum.sum(t, Multiply.multiply(t, error, error));
    Var valueLoss = Scale.scale(t, squares, 1f / rows.length);
    Var loss = Add.add(t, policy.loss(), Scale.scale(t, valueLoss, (float) settings.value()));
    double told = valueLoss.value().get(0);
    t.backward(loss, gradients);
    workspace.releaseAll();
    ClipNorm.Result clip =
        ClipNorm.to((float) settings.gradientNorm())
            .measure(kernels, gradients, network.groups(), 1);
    optimizer.step(gradients, rate, clip.gradScale());
    return new Update(policy.figures(), told);
  }

  private static Tensor rows(List<float[]> states) {
    int width = states.getFirst().length;
    Tensor t = Tensor.zeros(states.size(), width);
    for (int i = 0; i < states.size(); i++)
      System.arraycopy(states.get(i), 0, t.data(), i * width, width);
    return t;
  }

  private JsonObject identified() {
    JsonObject all = settings.describe().put("seed", Long.toString(seed));
    for (String field : identity.names()) all.put(field, identity.value(field));
    return all;
  }

  /** Writes everything that going on needs; the file is the old one or the whole new one. */
  public void save(Path folder) throws IOException {
    JsonObject more = JsonObject.create().put("beta", Double.toHexString(beta)).put("curve", curve);
    TrainingState.after(iteration, more).save(folder, network.weights(), optimizer, identified());
  }

  /**
   * Goes on where a saved run of the same task, settings and seed stopped; does nothing where none
   * is saved.
   *
   * @throws dev.outpost.tensor.io.FormatException when it is of another task, settings or seed
   */
  public void resume(Path folder) throws IOException {
    if (!Files.exists(TrainingState.last(folder))) return;
    TrainingState state = TrainingState.resume(folder, network.weights(), optimizer, identified());
    List<Double> saved = state.more().numbers("curve");
    String hex = state.more().string("beta");
    if (saved.size() != state.step() || state.step() > settings.iterations())
      throw state.more().wrong("curve", "must have a reward per iteration, got " + saved.size());
    try {
      beta = Double.parseDouble(hex);
    } catch (NumberFormatException e) {
      throw state.more().wrong("beta", "must be a number, got " + hex);
    }
    iteration = state.step();
    curve.clear();
    curve.addAll(saved);
  }
}
