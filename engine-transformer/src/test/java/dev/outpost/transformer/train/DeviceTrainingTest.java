package dev.outpost.transformer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.optim.Schedule;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MirrorKernels;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.BottleneckConfig;
import dev.outpost.transformer.peft.Ia3Config;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.peft.PrefixConfig;
import dev.outpost.transformer.peft.PromptConfig;
import dev.outpost.transformer.privacy.DpSgd;
import dev.outpost.transformer.privacy.Secret;
import dev.outpost.transformer.run.Generator;
import dev.outpost.transformer.run.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Tuning on kernels with a memory of their own, bit for bit as on the same kernels without. */
class DeviceTrainingTest {
  private static final int STEPS = 5;
  private static final Blocks TRAIN = Blocks.of(TinyModels.tokens(5 * 8, 23, 1), 8);
  private static final Blocks VALIDATION = Blocks.of(TinyModels.tokens(2 * 8, 23, 2), 8);
  private static final Set<String> SLOTS = Set.of("blocks.0", "blocks.1");
  private static final PeftMethod LORA = new LoraConfig(2, 4, 0.2f, LoraConfig.ALL_PROJECTIONS);
  static final List<PeftMethod> METHODS =
      List.of(
          LORA,
          new LoraConfig(2, 4, 0.1f, LoraConfig.ALL_PROJECTIONS, false, true),
          new BottleneckConfig(5, 0.1f, BottleneckConfig.BOTH_HALVES),
          new PrefixConfig(3),
          new PromptConfig(4),
          Ia3Config.PAPER,
          new PeftMethod.BitFit(),
          new PeftMethod.Full());

  @TempDir private Path temporary;

  /** Accumulation, a schedule, clipping, recomputation; saved at each step, validated at some. */
  private static TrainingPlan plan(float rate) {
    return new TrainingPlan(
        STEPS, 2, 2, rate, new Schedule.Cosine(2, STEPS), 0.1f, 1, 2, 1, 5, true);
  }

  private static List<TransformerModel> models(PeftMethod method) {
    List<TransformerModel> out = new ArrayList<>();
    for (var spec : List.of(TinyModels.spec(2), TinyModels.llama(2)))
      out.add(Attach.attach(TinyModels.random(spec, 1), SLOTS, method, 1));
    return out;
  }

  private static Trainer trainer(TransformerModel model, Kernels kernels, @Nullable DpSgd dp) {
    return new Trainer(
        model, Objective.languageModel(), TRAIN, VALIDATION, plan(0.05f), kernels, dp);
  }

  @ParameterizedTest
  @FieldSource("METHODS")
  void everyMethodLearnsAndWritesTheSame(PeftMethod method) {
    for (int i = 0; i < 2; i++) {
      TransformerModel wanted = models(method).get(i);
      Trainer.Result want = trainer(wanted, TinyModels.best(), null).run(Progress.SILENT);
      TransformerModel model = models(method).get(i);
      MirrorKernels device = new MirrorKernels(TinyModels.best());
      assertThat(trainer(model, device, null).run(Progress.SILENT)).isEqualTo(want);
      TrainerTest.assertSameBits(TinyModels.numbers(model), TinyModels.numbers(wanted));
      assertThat(written(model, device)).isEqualTo(written(wanted, TinyModels.best()));
      device.memory().requireConstant();
    }
  }

  private static List<Integer> written(TransformerModel model, Kernels kernels) {
    List<Integer> out = new ArrayList<>();
    new Generator(model.frozen(), kernels)
        .generate(
            new int[] {1, 2, 3}, 12, new Sampling(1, 0, 1), RandomStream.of(1, "x"), out::add);
    return out;
  }

  @Test
  void stoppedOrKilledItResumesToTheSameBits() throws IOException {
    TransformerModel wanted = models(LORA).getFirst();
    Trainer.Result want = trainer(wanted, TinyModels.best(), null).run(Progress.SILENT);
    for (int stop = 1; stop < STEPS; stop++) {
      Path folder = temporary.resolve("stop-" + stop);
      trainer(models(LORA).getFirst(), new MirrorKernels(TinyModels.best()), null)
          .run(folder, Map.of(), new ResumeTest.StopAfter(stop));
      // Half of them go on without a device.
      Kernels on = stop % 2 == 0 ? TinyModels.best() : new MirrorKernels(TinyModels.best());
      TransformerModel model = models(LORA).getFirst();
      assertThat(trainer(model, on, null).run(folder, Map.of(), Progress.SILENT)).isEqualTo(want);
      TrainerTest.assertSameBits(TinyModels.numbers(model), TinyModels.numbers(wanted));
    }
  }

  @Test
  void aRunThatFailsGivesTheParametersBack() {
    TransformerModel model = models(LORA).getFirst();
    Trainer trainer = trainer(model, new MirrorKernels(TinyModels.best()), null);
    RuntimeException death = new RuntimeException("killed");
    Progress killer =
        new Progress() {
          @Override
          public void step(Step step) {
            if (step.step() == 2) throw death;
          }
        };
    assertThatThrownBy(() -> trainer.run(killer)).isSameAs(death);
    TransformerModel wanted = models(LORA).getFirst();
    Trainer plain = trainer(wanted, TinyModels.best(), null);
    assertThatThrownBy(() -> plain.run(killer)).isSameAs(death);
    TrainerTest.assertSameBits(TinyModels.numbers(model), TinyModels.numbers(wanted));
  }

  @Test
  void privateStepsAddTheSameNoise() {
    DpSgd dp = new DpSgd(0.7, 0.5f, Secret.ofSeed(3));
    TransformerModel wanted = models(LORA).getFirst();
    trainer(wanted, TinyModels.best(), dp).run(Progress.SILENT);
    TransformerModel model = models(LORA).getFirst();
    trainer(model, new MirrorKernels(TinyModels.best()), dp).run(Progress.SILENT);
    TrainerTest.assertSameBits(TinyModels.numbers(model), TinyModels.numbers(wanted));
  }
}
