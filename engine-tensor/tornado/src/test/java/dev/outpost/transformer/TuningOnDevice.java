package dev.outpost.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.autograd.optim.Schedule;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/** A tiny model tuned on a device and on the processor. */
final class TuningOnDevice {
  static final int STEPS = 4;

  /** How far a loss and a parameter may be from the processor's, relative to the largest. */
  private static final double BOUND = 2e-5;

  static final List<PeftMethod> METHODS =
      List.of(
          new LoraConfig(2, 4, 0, LoraConfig.ALL_PROJECTIONS),
          new LoraConfig(2, 4, 0.2f, LoraConfig.ALL_PROJECTIONS),
          new PeftMethod.Full());

  private static final Blocks TRAIN = Blocks.of(TinyModels.tokens(6 * 8, 23, 1), 8);
  private static final Blocks VALIDATION = Blocks.of(TinyModels.tokens(2 * 8, 23, 2), 8);

  private TuningOnDevice() {}

  /** A model that learnt, and the losses of its steps. */
  record Learnt(TransformerModel model, List<Double> losses) {}

  static Learnt learn(Spec spec, PeftMethod method, Kernels kernels) {
    TransformerModel model = start(spec, method);
    List<Double> losses = new ArrayList<>();
    Progress progress =
        new Progress() {
          @Override
          public void step(Step step) {
            losses.add(step.loss());
          }
        };
    trainer(model, kernels).run(progress);
    return new Learnt(model, losses);
  }

  /** As many threads, each with a model of its own, on the same kernels at the same time. */
  static List<Learnt> together(int threads, Spec spec, PeftMethod method, Kernels kernels)
      throws Exception {
    CyclicBarrier start = new CyclicBarrier(threads);
    List<FutureTask<Learnt>> all = new ArrayList<>();
    for (int i = 0; i < threads; i++)
      all.add(
          new FutureTask<>(() -> {
            start.await();
            return learn(spec, method, kernels);
          }));
    all.forEach(t -> Thread.ofPlatform().daemon().start(t));
    List<Learnt> learnt = new ArrayList<>();
    for (FutureTask<Learnt> t : all) learnt.add(t.get());
    return learnt;
  }

  /** Fails where a loss or a parameter has other bits. */
  static void requireSameBits(Learnt got, Learnt want) {
    assertThat(got.losses).isEqualTo(want.losses);
    Map<String, float[]> wanted = TinyModels.numbers(want.model);
    TinyModels.numbers(got.model)
        .forEach((name, values) -> assertThat(values).as(name).isEqualTo(wanted.get(name)));
  }

  /** Stopped after so many steps and taken up again. */
  static TransformerModel resumed(
      Spec spec, PeftMethod method, Kernels kernels, Path folder, int stop) throws IOException {
    Progress stopper =
        new Progress() {
          private int done;

          @Override
          public void step(Step step) {
            done = step.step();
          }

          @Override
          public boolean stopRequested() {
            return done == stop;
          }
        };
    trainer(start(spec, method), kernels).run(folder, Map.of(), stopper);
    TransformerModel model = start(spec, method);
    trainer(model, kernels).run(folder, Map.of(), Progress.SILENT);
    return model;
  }

  private static TransformerModel start(Spec spec, PeftMethod method) {
    return Attach.attach(TinyModels.random(spec, 1), Set.of("blocks.0", "blocks.1"), method, 1);
  }

  private static Trainer trainer(TransformerModel model, Kernels kernels) {
    TrainingPlan plan =
        new TrainingPlan(STEPS, 2, 2, 0.01f, new Schedule.Cosine(2, STEPS), 0.1f, 1, 2, 2, 5, true);
    return new Trainer(model, Objective.languageModel(), TRAIN, VALIDATION, plan, kernels);
  }

  /** Fails where a loss or a parameter is further off than the bound. */
  static void requireEqual(Learnt got, Learnt want) {
    assertThat(got.losses).hasSameSizeAs(want.losses);
    for (int i = 0; i < got.losses.size(); i++)
      assertThat(Math.abs(got.losses.get(i) / want.losses.get(i) - 1))
          .as("loss of step %d: %s, want %s", i + 1, got.losses.get(i), want.losses.get(i))
          .isLessThanOrEqualTo(BOUND);
    Map<String, float[]> wanted = TinyModels.numbers(want.model);
    TinyModels.numbers(got.model).forEach((name, values) -> near(name, values, wanted.get(name)));
  }

  private static void near(String name, float[] got, float @Nullable [] want) {
    assertThat(want).as(name).isNotNull().hasSameSizeAs(got);
    double largest = 0;
    double furthest = 0;
    // Softmax does not change when all keys move alike: the gradient of a key's bias is 0 but for
    // rounding, which AdamW makes as large as any other.
    boolean fused = name.endsWith("attn.qkv.bias");
    for (int i = 0; i < got.length; i++) {
      if (fused && i >= got.length / 3 && i < 2 * got.length / 3) continue;
      largest = Math.max(largest, Math.abs(want[i]));
      double off = Math.abs((double) got[i] - want[i]);
      if (!(off <= furthest)) furthest = off;
    }
    // AdamW divides by small numbers: what a gradient is off by comes out larger.
    assertThat(furthest).as(name).isLessThanOrEqualTo(100 * BOUND * Math.max(largest, 0.01));
  }
}
