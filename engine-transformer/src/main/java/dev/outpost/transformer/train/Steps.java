package dev.outpost.transformer.train;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.optim.AdamW;
import dev.outpost.autograd.optim.ClipNorm;
import dev.outpost.autograd.optim.Optimizer;
import dev.outpost.autograd.optim.ParameterGroup;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.DeviceMemory;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.privacy.DpSgd;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The steps of a plan on the trainable parameters of a model, by AdamW: micro-batches, clipping,
 * the schedule. A step is a function of the parameters, the optimizer's state and its number. Not
 * thread-safe.
 */
public final class Steps {
  private final Examples train;
  private final TrainingPlan plan;
  private final Kernels kernels;
  private final Workspace workspace;
  private final Gradients gradients;
  private final Map<String, HeapWeight> parameters = new LinkedHashMap<>();
  private final List<ParameterGroup> groups;
  private final Optimizer optimizer;
  private final BatchOrder order;
  private final Ahead ahead;

  /**
   * @param model whose trainable parameters are what changes; vectors among them do not decay
   */
  public Steps(TransformerModel model, Examples train, TrainingPlan plan, Kernels kernels) {
    this.train = train;
    this.plan = plan;
    this.kernels = kernels;
    this.workspace = kernels.memory().workspace();
    this.gradients = Gradients.in(workspace);
    List<ParameterGroup.Named> decayed = new ArrayList<>();
    List<ParameterGroup.Named> exempt = new ArrayList<>();
    model.visit((name, p) -> {
      if (!p.trainable()) return;
      HeapWeight w = (HeapWeight) p.weight();
      parameters.put(name, w);
      (p.shape().rank() < 2 ? exempt : decayed).add(new ParameterGroup.Named(name, w));
    });
    this.groups =
        List.of(new ParameterGroup(decayed, plan.weightDecay()), new ParameterGroup(exempt, 0));
    this.optimizer = AdamW.of(kernels, groups);
    this.order = new BatchOrder(train.count(), plan.seed());
    this.ahead = new Ahead(train, kernels.memory() != DeviceMemory.HOST);
  }

  /** What changes, by name. */
  public Map<String, HeapWeight> parameters() {
    return Collections.unmodifiableMap(parameters);
  }

  /**
   * Takes the parameters to the kernels' memory, where steps change them: by hand they are read
   * after {@link #fetch}, and written after {@link #release}.
   */
  public void adopt() {
    for (HeapWeight w : parameters.values()) kernels.memory().adopt(w.tensor().data());
  }

  /** Brings the parameters' numbers to where they are read by hand. */
  public void fetch() {
    for (HeapWeight w : parameters.values()) kernels.memory().fetch(w.tensor());
  }

  /** Gives the parameters back: the end of {@link #adopt}. */
  public void release() {
    for (HeapWeight w : parameters.values()) kernels.memory().release(w.tensor().data());
  }

  /** Its state belongs to a saved run. */
  public Optimizer optimizer() {
    return optimizer;
  }

  /** Lends the steps' buffers; free between steps. */
  public Workspace workspace() {
    return workspace;
  }

  /**
   * A step.
   *
   * @param done steps before it
   * @param model holds the parameters, or some of them: those it does not reach stay
   */
  public Progress.Step take(int done, TransformerModel model, Objective objective) {
    gradients.clear();
    double loss = 0;
    int tokens = 0;
    for (int micro = 0; micro < plan.accumulation(); micro++) {
      long position = (long) done * plan.accumulation() + micro;
      Batch batch = ahead.take(examples(position));
      tokens += batch.positions();
      long key = RandomStream.hash(plan.seed(), position) | 1;
      ahead.prepare(() -> examples(position + 1));
      loss += backward(model, objective, batch, key);
    }
    ClipNorm.Result clipped =
        ClipNorm.to(plan.clip()).measure(kernels, gradients, groups, 1f / plan.accumulation());
    float rate = rate(done);
    optimizer.step(gradients, rate, clipped.gradScale());
    return told(done, loss / plan.accumulation(), rate, clipped.norm(), tokens);
  }

  /** The same with differential privacy: a lot whose mean size is that of a step's examples. */
  Progress.Step takePrivately(int done, TransformerModel model, Objective objective, DpSgd dp) {
    int mean = plan.batch() * plan.accumulation();
    PrivateGradient sum = new PrivateGradient(dp, parameters, kernels);
    sum.begin();
    double loss = 0;
    int tokens = 0;
    int[] lot = dp.lot(done, mean, train.count());
    for (int i = 0; i < lot.length; i++) {
      gradients.clear();
      Batch batch = ahead.take(new int[] {lot[i]});
      tokens += batch.positions();
      long key = RandomStream.hash(plan.seed(), (long) done << 32 | lot[i]) | 1;
      int behind = i + 1;
      ahead.prepare(() -> Arrays.copyOfRange(lot, behind, Math.min(behind + 1, lot.length)));
      loss += backward(model, objective, batch, key);
      sum.add(gradients, groups);
    }
    float rate = rate(done);
    optimizer.step(sum.finish(done), rate, 1f / mean);
    double meanLoss = lot.length == 0 ? Double.NaN : loss / lot.length;
    return told(done, meanLoss, rate, sum.meanNorm(), tokens);
  }

  /** Of the micro-batch at this position; none behind the plan's end. */
  private int[] examples(long position) {
    if (position >= (long) plan.steps() * plan.accumulation()) return new int[0];
    return order.take(position * plan.batch(), plan.batch());
  }

  private float rate(int done) {
    return plan.learningRate() * plan.schedule().at(done);
  }

  private Progress.Step told(int done, double loss, float rate, double norm, int tokens) {
    return new Progress.Step(
        done + 1, plan.steps(), loss, rate, norm, tokens, workspace.meter().peakBytes());
  }

  /** Adds one micro-batch's gradients; the key is odd because 0 would switch dropout off. */
  private float backward(
      TransformerModel model, Objective objective, Batch batch, long dropoutKey) {
    try {
      Tape tape = Tape.recording(kernels, workspace);
      Pass pass = batch.pass(tape).withDropout(dropoutKey).recomputing(plan.recompute());
      Var loss = objective.loss(model, pass, batch.input(), batch.targets());
      kernels.memory().fetch(loss.value());
      float value = loss.value().get(0);
      tape.backward(loss, gradients);
      return value;
    } finally {
      ahead.await();
      workspace.releaseAll();
    }
  }
}
