package dev.outpost.transformer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.optim.NonFiniteGradientException;
import dev.outpost.autograd.optim.Schedule;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.load.ModelFactory;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.run.Generator;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.run.Sampling;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TrainerTest {
  private static final Blocks TRAIN = Blocks.of(TinyModels.tokens(11 * 8, 23, 1), 8);
  private static final Blocks VALIDATION = Blocks.of(TinyModels.tokens(4 * 8, 23, 2), 8);
  private final Kernels kernels = TinyModels.best();

  @Test
  void learnsToReverseASequence() {
    // Six letters, a mark, the letters reversed; only what follows the mark is predicted.
    int n = 4;
    Spec spec = Gpt2.spec(7, 2 * n + 1, 32, 2, 4, 64, UnaryMap.GELU_TANH, 1e-5f, true);
    TransformerModel model = ModelFactory.random(spec, 1).trainable(any -> true);
    Blocks sequences = reversals(160, n, 1);
    Objective afterTheMark =
        (m, pass, ids, targets) -> {
          int[] wanted = targets.clone();
          for (int i = 0; i < wanted.length; i++) if (i % pass.time() < n) wanted[i] = -1;
          return m.loss(pass, ids, wanted);
        };
    TrainingPlan plan =
        new TrainingPlan(220, 16, 1, 5e-3f, new Schedule.Cosine(10, 220), 0, 1, 0, 0, 1, false);
    new Trainer(model, afterTheMark, sequences, null, plan, kernels).run(Progress.SILENT);

    Blocks unseen = reversals(25, n, 99);
    Generator generator = new Generator(model, kernels);
    int right = 0;
    for (int b = 0; b < unseen.count(); b++) {
      int[] ids = unseen.ids(new int[] {b});
      List<Integer> made = new ArrayList<>();
      int[] prompt = java.util.Arrays.copyOf(ids, n + 1);
      generator.generate(prompt, n, Sampling.greedy(), RandomStream.of(1, "none"), made::add);
      boolean all = true;
      for (int i = 0; i < n; i++) all &= made.get(i) == ids[n - 1 - i];
      if (all) right++;
    }
    assertThat(right).as("of 25 unseen sequences").isGreaterThanOrEqualTo(23);
  }

  private static Blocks reversals(int count, int n, long seed) {
    RandomStream random = RandomStream.of(seed, "reversal");
    int[] tokens = new int[count * (2 * n + 1)];
    for (int b = 0; b < count; b++) {
      int at = b * (2 * n + 1);
      tokens[at + n] = 0;
      for (int i = 0; i < n; i++) tokens[at + i] = tokens[at + 2 * n - i] = 1 + random.nextInt(6);
    }
    return Blocks.of(tokens, 2 * n + 1);
  }

  @Test
  void fourMicroBatchesOfOneAreOneBatchOfFour() {
    TransformerModel whole = train(plan(6, 4, 1), kernels);
    TransformerModel pieces = train(plan(6, 1, 4), kernels);
    Map<String, float[]> want = TinyModels.numbers(whole);
    TinyModels.numbers(pieces)
        .forEach((name, got) -> {
          // A bias on all keys changes no softmax: its gradient is rounding, which Adam blows up to
          // full steps.
          if (!name.endsWith("attn.qkv.bias"))
            assertThat(far(got, want.get(name))).as(name).isLessThan(1e-4);
        });
  }

  @Test
  void theReportedLossIsTheMeanOverTheMicroBatches() {
    List<Progress.Step> whole = steps(plan(2, 4, 1));
    List<Progress.Step> pieces = steps(plan(2, 2, 2));
    for (int i = 0; i < 2; i++) {
      assertThat(pieces.get(i).loss()).isCloseTo(whole.get(i).loss(), within(1e-5));
      assertThat(pieces.get(i).gradientNorm()).isCloseTo(whole.get(i).gradientNorm(), within(1e-4));
      assertThat(pieces.get(i).tokens()).isEqualTo(whole.get(i).tokens()).isEqualTo(32);
      assertThat(pieces.get(i).step()).isEqualTo(i + 1);
      assertThat(pieces.get(i).steps()).isEqualTo(2);
    }
  }

  @Test
  void oneTwoAndThreeThreadsGiveTheSameBits() {
    TrainingPlan plan = plan(4, 3, 2).recomputing(true);
    List<Map<String, float[]>> results = new ArrayList<>();
    for (int threads = 1; threads <= 3; threads++) {
      try (Team team = Team.of(threads)) {
        results.add(TinyModels.numbers(train(plan, Kernels.best(team))));
      }
    }
    assertSameBits(results.get(1), results.get(0));
    assertSameBits(results.get(2), results.get(0));
  }

  @Test
  void recomputingGivesTheSameBitsAlsoWithDropout() {
    List<Map<String, float[]>> results = new ArrayList<>();
    for (boolean recompute : new boolean[] {false, true}) {
      TransformerModel model =
          Attach.lora(
              TinyModels.random(3, 1),
              Set.of("blocks.0", "blocks.2"),
              new LoraConfig(2, 4, 0.3f, LoraConfig.ALL_PROJECTIONS),
              1);
      trainer(model, plan(5, 2, 2).recomputing(recompute), kernels).run(Progress.SILENT);
      results.add(TinyModels.numbers(model));
    }
    assertSameBits(results.get(1), results.get(0));
  }

  @Test
  void anotherSeedReadsAnotherOrder() {
    TrainingPlan a = plan(3, 2, 1);
    TrainingPlan b =
        new TrainingPlan(
            3, 2, 1, a.learningRate(), a.schedule(), a.weightDecay(), a.clip(), 0, 0, 77, false);
    assertThat(steps(a).getFirst().loss()).isNotEqualTo(steps(b).getFirst().loss());
  }

  @Test
  void onlyTrainableParametersChange() {
    TransformerModel model =
        TinyModels.random(3, 1).trainable(name -> name.startsWith("blocks.1."));
    Map<String, float[]> before = TinyModels.numbers(model);
    trainer(model, plan(2, 2, 1), kernels).run(Progress.SILENT);
    TinyModels.numbers(model)
        .forEach((name, after) -> {
          if (name.startsWith("blocks.1."))
            assertThat(after).as(name).isNotEqualTo(before.get(name));
          else assertThat(after).as(name).isEqualTo(before.get(name));
        });
  }

  @Test
  void atTheEndTheModelHoldsTheBestParametersNotTheLast() {
    // So high a rate that validation gets worse after a few steps.
    TrainingPlan plan =
        new TrainingPlan(12, 4, 1, 0.05f, new Schedule.Constant(0), 0, 1, 1, 0, 1, false);
    TransformerModel model = TinyModels.random(2, 1).trainable(any -> true);
    List<Double> losses = new ArrayList<>();
    List<Boolean> bests = new ArrayList<>();
    Trainer.Result result =
        new Trainer(model, Objective.languageModel(), TRAIN, VALIDATION, plan, kernels)
            .run(
                new Progress() {
                  @Override
                  public void evaluated(int step, double meanLoss, boolean best) {
                    assertThat(step).isEqualTo(losses.size() + 1);
                    losses.add(meanLoss);
                    bests.add(best);
                  }
                });
    double lowest = losses.stream().min(Double::compare).orElseThrow();
    assertThat(losses).hasSize(12);
    assertThat(losses.getLast())
        .as("the case must get worse, or it shows nothing")
        .isGreaterThan(lowest);
    assertThat(result).isEqualTo(new Trainer.Result(12, lowest, losses.indexOf(lowest) + 1, true));
    assertThat(bests.lastIndexOf(true)).isEqualTo(losses.indexOf(lowest));
    assertThat(Perplexity.of(model, kernels, new Workspace(), VALIDATION, 4).meanLoss())
        .isEqualTo(lowest);
  }

  @Test
  void withoutValidationTheModelHoldsTheLastParameters() {
    Trainer.Result result =
        trainer(TinyModels.random(1, 1).trainable(any -> true), plan(3, 2, 1), kernels)
            .run(Progress.SILENT);
    assertThat(result.finished()).isTrue();
    assertThat(result.steps()).isEqualTo(3);
    assertThat(result.bestLoss()).isNaN();
  }

  @Test
  void stopsWhenAskedAndSaysSo() {
    Trainer.Result result =
        trainer(TinyModels.random(1, 1).trainable(any -> true), plan(9, 2, 1), kernels)
            .run(
                new Progress() {
                  private int steps;

                  @Override
                  public void step(Step step) {
                    steps = step.step();
                  }

                  @Override
                  public boolean stopRequested() {
                    return steps == 4;
                  }
                });
    assertThat(result.steps()).isEqualTo(4);
    assertThat(result.finished()).isFalse();
  }

  @Test
  void noStepsChangeNothing() {
    TransformerModel model = TinyModels.random(1, 1).trainable(any -> true);
    Map<String, float[]> before = TinyModels.numbers(model);
    Trainer.Result result =
        new Trainer(model, Objective.languageModel(), TRAIN, VALIDATION, plan(0, 2, 1), kernels)
            .run(Progress.SILENT);
    assertThat(result.finished()).isTrue();
    assertSameBits(TinyModels.numbers(model), before);
  }

  @Test
  void aDivergedRunEndsWithTheParameterAtFault() {
    TransformerModel model = TinyModels.random(1, 1).trainable(any -> true);
    ((HeapWeight) model.parameters().get("blocks.0.mlp.up.bias").weight()).tensor().fill(Float.NaN);
    assertThatThrownBy(() -> trainer(model, plan(3, 2, 1), kernels).run(Progress.SILENT))
        .isInstanceOf(NonFiniteGradientException.class)
        .hasMessageContaining("learning rate");
  }

  @Test
  void aModelWithNothingToTrainIsRefused() {
    assertThatThrownBy(() -> trainer(TinyModels.random(1, 1), plan(1, 1, 1), kernels))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no trainable parameter");
  }

  @Test
  void decayTouchesMatricesOnly() {
    // Without a gradient to speak of, what changes is the decay.
    TrainingPlan plan =
        new TrainingPlan(1, 4, 1, 0.5f, new Schedule.Constant(0), 0.5f, 1e-30f, 0, 0, 1, false);
    TransformerModel model = TinyModels.random(1, 1).trainable(any -> true);
    Map<String, float[]> before = TinyModels.numbers(model);
    trainer(model, plan, kernels).run(Progress.SILENT);
    model.visit((name, p) -> {
      float factor = p.shape().rank() == 2 ? 0.75f : 1;
      Tensor after = p.weight().toTensor();
      for (int i = 0; i < after.size(); i++)
        assertThat(after.get(i)).as(name).isCloseTo(factor * before.get(name)[i], within(1e-6f));
    });
  }

  static TrainingPlan plan(int steps, int batch, int accumulation) {
    return new TrainingPlan(
        steps,
        batch,
        accumulation,
        1e-3f,
        new Schedule.Linear(1, Math.max(1, steps)),
        0.1f,
        1,
        0,
        0,
        5,
        false);
  }

  private TransformerModel train(TrainingPlan plan, Kernels k) {
    TransformerModel model = TinyModels.random(2, 1).trainable(any -> true);
    trainer(model, plan, k).run(Progress.SILENT);
    return model;
  }

  private List<Progress.Step> steps(TrainingPlan plan) {
    List<Progress.Step> steps = new ArrayList<>();
    trainer(TinyModels.random(2, 1).trainable(any -> true), plan, kernels)
        .run(
            new Progress() {
              @Override
              public void step(Step step) {
                steps.add(step);
              }
            });
    return steps;
  }

  private static Trainer trainer(TransformerModel model, TrainingPlan plan, Kernels k) {
    return new Trainer(model, Objective.languageModel(), TRAIN, null, plan, k);
  }

  private static double far(float[] got, float[] want) {
    int n = got.length;
    return Golden.far(
        new Tensor(dev.outpost.tensor.Shape.of(n), got, 0),
        new Tensor(dev.outpost.tensor.Shape.of(n), want, 0));
  }

  static void assertSameBits(Map<String, float[]> got, Map<String, float[]> want) {
    assertThat(got.keySet()).isEqualTo(want.keySet());
    got.forEach((name, values) -> assertThat(values).as(name).isEqualTo(want.get(name)));
  }
}
