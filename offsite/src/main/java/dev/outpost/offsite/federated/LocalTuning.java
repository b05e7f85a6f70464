package dev.outpost.offsite.federated;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Proximal;
import dev.outpost.autograd.optim.Schedule;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.privacy.DpSgd;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.BatchOrder;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One party's tuning within a round: from the global adapter, with the emulator's help, on its own
 * data. The same start, plan, seed and data give the same bits. One model serves all rounds; not
 * thread-safe.
 */
public final class LocalTuning {
  private static final int MEASURED = 4;

  private final Kernels kernels;
  private final TransformerModel model;
  private final Map<String, Parameter> parameters = new LinkedHashMap<>();

  /**
   * Makes the adapter of a package trainable; the rest stays frozen and mapped.
   *
   * @throws IllegalArgumentException when the method does not fit the package's model
   */
  public LocalTuning(OffsitePackage pack, PeftMethod method, Kernels kernels) {
    this.kernels = kernels;
    // The seed decides nothing: every trainable number comes from the global adapter.
    this.model = Attach.attach(pack.model(), pack.adapterSlots(), method, 0);
    model.visit((name, p) -> {
      if (p.trainable()) parameters.put(name, p);
    });
  }

  /**
   * Where an adapter starts before the first round.
   *
   * @param seed of what a method draws at random
   */
  public static AdapterValues start(OffsitePackage pack, PeftMethod method, long seed) {
    Map<String, Tensor> values = new LinkedHashMap<>();
    Attach.attach(pack.model(), pack.adapterSlots(), method, seed)
        .visit((name, p) -> {
          if (p.trainable()) values.put(name, ((HeapWeight) p.weight()).tensor());
        });
    return new AdapterValues(values);
  }

  /**
   * What a round starts from.
   *
   * @param round from 1
   * @param seed of the party in this round
   * @param global the adapter
   * @param control the server's control variate; null without SCAFFOLD
   * @param own the party's own control variate; null without SCAFFOLD, or before its first round
   */
  public record Start(
      int round,
      long seed,
      AdapterValues global,
      @Nullable AdapterValues control,
      @Nullable AdapterValues own) {}

  /**
   * How a round ended here.
   *
   * @param values the adapter as tuned
   * @param own the party's next control variate; null without SCAFFOLD
   * @param lossBefore nats per token on what is held back, at the start; NaN without
   * @param lossAfter the same at the end
   * @param finished false when stopped early; the rest is then not for use
   */
  public record Outcome(
      AdapterValues values,
      @Nullable AdapterValues own,
      double lossBefore,
      double lossAfter,
      boolean finished) {}

  /**
   * Tunes.
   *
   * @param heldBack measured before and after; null measures nothing
   * @param state folder that a broken-off round goes on from; null keeps nothing
   * @param dp null tunes plainly
   * @throws IllegalArgumentException when the global adapter is not of this package and method
   */
  public Outcome tune(
      Start start,
      LocalPlan local,
      Examples train,
      @Nullable Examples heldBack,
      @Nullable Path state,
      @Nullable DpSgd dp,
      Progress progress)
      throws IOException {
    set(start.global());
    double before = loss(heldBack, local);
    AdapterValues own = start.control() == null ? null : gradient(start, local, train);
    AdapterValues slope =
        start.control() == null
            ? null
            : start.own() == null ? start.control() : start.control().minus(start.own());
    int batch = Math.min(local.batch(), train.count());
    TrainingPlan plan =
        new TrainingPlan(
            local.steps(),
            batch,
            1,
            local.rate(),
            new Schedule.Constant(0),
            local.weightDecay(),
            1,
            0,
            state == null ? 0 : Math.max(1, local.steps() / 10),
            start.seed(),
            false);
    Trainer trainer =
        new Trainer(model, objective(start.global(), local, slope), train, null, plan, kernels, dp);
    Trainer.Result result =
        trainer.run(state, Map.of("round", "" + start.round(), "local", local + ""), progress);
    double after = result.finished() ? loss(heldBack, local) : Double.NaN;
    return new Outcome(values(), own, before, after, result.finished());
  }

  /** The loss of the next token, tied to the round's start and corrected as the plan says. */
  private Objective objective(
      AdapterValues global, LocalPlan local, @Nullable AdapterValues slope) {
    Objective plain = Objective.languageModel();
    if (local.proximal() == 0 && slope == null) return plain;
    return (m, pass, input, targets) -> {
      Var loss = plain.loss(m, pass, input, targets);
      for (Map.Entry<String, Parameter> e : parameters.entrySet()) {
        String name = e.getKey();
        Var tie =
            Proximal.proximal(
                pass.tape(),
                pass.of(e.getValue()),
                global.get(name),
                local.proximal(),
                slope == null ? null : slope.get(name));
        loss = Add.add(pass.tape(), loss, tie);
      }
      return loss;
    };
  }

  /**
   * SCAFFOLD's option I: the gradient at the round's start over the examples that the round reads,
   * each once (Karimireddy et al. 2020, algorithm 1, line 12).
   */
  private AdapterValues gradient(Start start, LocalPlan local, Examples train) {
    Workspace workspace = new Workspace();
    Gradients gradients = new Gradients();
    int batch = Math.min(local.batch(), train.count());
    int all = (int) Math.min(train.count(), (long) batch * local.steps());
    BatchOrder order = new BatchOrder(train.count(), start.seed());
    double[][] sums = new double[parameters.size()][];
    int read = 0;
    while (read < all) {
      int n = Math.min(batch, all - read);
      Batch examples = train.batch(order.take(read, n));
      gradients.clear();
      try {
        Tape tape = Tape.recording(kernels, workspace);
        Var loss =
            Objective.languageModel()
                .loss(model, examples.pass(tape), examples.input(), examples.targets());
        tape.backward(loss, gradients);
      } finally {
        workspace.releaseAll();
      }
      addTo(sums, gradients, (double) n / all);
      read += n;
    }
    Map<String, Tensor> mean = new LinkedHashMap<>();
    int at = 0;
    for (Map.Entry<String, Parameter> e : parameters.entrySet()) {
      Tensor t = Tensor.zeros(e.getValue().shape());
      double[] sum = sums[at++];
      for (int i = 0; i < t.size() && sum != null; i++) t.data()[i] = (float) sum[i];
      mean.put(e.getKey(), t);
    }
    return new AdapterValues(mean);
  }

  private void addTo(double[][] sums, Gradients gradients, double weight) {
    int at = 0;
    for (Parameter p : parameters.values()) {
      Tensor g = gradients.get((HeapWeight) p.weight());
      if (g != null) {
        if (sums[at] == null) sums[at] = new double[g.size()];
        for (int i = 0; i < g.size(); i++) sums[at][i] += weight * g.get(i);
      }
      at++;
    }
  }

  /** Nats per token of a global adapter, through the emulator. */
  public double loss(AdapterValues global, Examples heldBack) {
    set(global);
    return Perplexity.of(model, kernels, kernels.memory().workspace(), heldBack, MEASURED)
        .meanLoss();
  }

  private double loss(@Nullable Examples heldBack, LocalPlan local) {
    return heldBack == null
        ? Double.NaN
        : Perplexity.of(model, kernels, kernels.memory().workspace(), heldBack, local.batch())
            .meanLoss();
  }

  private void set(AdapterValues global) {
    if (!global.names().equals(parameters.keySet()))
      throw new IllegalArgumentException(
          "local tuning: the global adapter lacks "
              + AdapterValues.difference(parameters.keySet(), global.names())
              + " and has besides "
              + AdapterValues.difference(global.names(), parameters.keySet())
              + "; package, method and federation must be of one kind");
    parameters.forEach((name, p) -> {
      Tensor value = global.get(name);
      if (!value.shape().equals(p.shape()))
        throw new IllegalArgumentException(
            "local tuning: "
                + name
                + " has shape "
                + value.shape()
                + " in the global adapter and "
                + p.shape()
                + " here");
    });
    parameters.forEach((name, p) -> ((HeapWeight) p.weight()).tensor().copyFrom(global.get(name)));
  }

  /** The adapter as it stands, copied. */
  public AdapterValues values() {
    Map<String, Tensor> values = new LinkedHashMap<>();
    parameters.forEach((name, p) -> {
      Tensor t = ((HeapWeight) p.weight()).tensor();
      values.put(name, Tensor.of(t.shape(), t.toArray()));
    });
    return new AdapterValues(values);
  }
}
