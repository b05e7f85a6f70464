package dev.outpost.transformer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.optim.ParameterGroup;
import dev.outpost.autograd.optim.Schedule;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.privacy.DpSgd;
import dev.outpost.transformer.privacy.Secret;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrivateTrainingTest {
  private static final int STEPS = 5;
  private static final Blocks TRAIN = Blocks.of(TinyModels.tokens(9 * 8, 23, 1), 8);
  private static final Blocks VALIDATION = Blocks.of(TinyModels.tokens(2 * 8, 23, 2), 8);
  private static final DpSgd DP = new DpSgd(0.7, 0.5f, Secret.ofSeed(3));

  @TempDir private Path temporary;

  private static TransformerModel model() {
    LoraConfig config = new LoraConfig(2, 4, 0.2f, LoraConfig.ALL_PROJECTIONS);
    return Attach.lora(TinyModels.random(2, 1), Set.of("blocks.0", "blocks.1"), config, 1);
  }

  private static Trainer trainer(TransformerModel model, Kernels kernels, DpSgd dp) {
    TrainingPlan plan =
        new TrainingPlan(
            STEPS, 3, 1, 0.02f, new Schedule.Cosine(2, STEPS), 0.1f, 1, 2, 0, 5, false);
    return new Trainer(model, Objective.languageModel(), TRAIN, VALIDATION, plan, kernels, dp);
  }

  private static Map<String, float[]> trained(Kernels kernels, DpSgd dp) {
    TransformerModel model = model();
    trainer(model, kernels, dp).run(Progress.SILENT);
    return TinyModels.numbers(model);
  }

  @Test
  void theSumIsOfClippedGradientsOfSingleExamples() {
    TransformerModel model = TinyModels.random(2, 1).trainable(n -> n.startsWith("blocks.0."));
    Map<String, HeapWeight> weights = new LinkedHashMap<>();
    model.visit((name, p) -> {
      if (p.trainable()) weights.put(name, (HeapWeight) p.weight());
    });
    List<ParameterGroup> groups =
        List.of(
            new ParameterGroup(
                weights.entrySet().stream()
                    .map(e -> new ParameterGroup.Named(e.getKey(), e.getValue()))
                    .toList(),
                0));
    // So little noise that the sum can be seen through it.
    DpSgd dp = new DpSgd(1e-9, 0.5f, Secret.ofSeed(1));
    PrivateGradient sum = new PrivateGradient(dp, weights, TinyModels.best());
    sum.begin();
    Map<String, double[]> want = new LinkedHashMap<>();
    weights.forEach((name, w) -> want.put(name, new double[w.tensor().size()]));
    for (int example = 0; example < 3; example++) {
      Gradients one = gradient(model, example);
      double squares = 0;
      for (HeapWeight w : weights.values())
        for (float g : one.get(w).toArray()) squares += (double) g * g;
      double norm = Math.sqrt(squares);
      assertThat(norm).as("the test means to clip").isGreaterThan(0.5);
      weights.forEach((name, w) -> {
        float[] g = one.get(w).toArray();
        for (int i = 0; i < g.length; i++) want.get(name)[i] += g[i] * 0.5 / norm;
      });
      sum.add(one, groups);
    }
    Gradients got = sum.finish(0);
    weights.forEach((name, w) -> {
      float[] g = got.get(w).toArray();
      for (int i = 0; i < g.length; i++)
        assertThat((double) g[i]).as(name).isCloseTo(want.get(name)[i], within(1e-5));
    });
  }

  private static Gradients gradient(TransformerModel model, int example) {
    Workspace workspace = new Workspace();
    Gradients one = new Gradients();
    Batch batch = TRAIN.batch(new int[] {example});
    Tape tape = Tape.recording(TinyModels.best(), workspace);
    tape.backward(model.loss(batch.pass(tape), batch.input(), batch.targets()), one);
    return one;
  }

  @Test
  void noiseHasTheDeviationThatIsCounted() {
    HeapWeight w = HeapWeight.of(Tensor.zeros(Shape.of(20_001)));
    PrivateGradient sum = new PrivateGradient(DP, Map.of("w", w), TinyModels.best());
    sum.begin();
    float[] noise = sum.finish(4).get(w).toArray();
    double mean = 0;
    double squares = 0;
    for (float n : noise) {
      mean += n / (double) noise.length;
      squares += (double) n * n / noise.length;
    }
    double deviation = 0.7 * 0.5;
    // Five standard errors; the stream is fixed, so this cannot fail by chance.
    assertThat(mean).isCloseTo(0, within(5 * deviation / Math.sqrt(noise.length)));
    assertThat(Math.sqrt(squares))
        .isCloseTo(deviation, within(5 * deviation / Math.sqrt(2.0 * noise.length)));
    sum.begin();
    assertThat(sum.finish(4).get(w).toArray()).as("same step").isEqualTo(noise);
    sum.begin();
    assertThat(sum.finish(5).get(w).toArray()).as("next step").isNotEqualTo(noise);
  }

  @Test
  void lotsAreDrawnByPoissonSampling() {
    int[] seen = new int[40];
    int total = 0;
    Set<Integer> sizes = new java.util.TreeSet<>();
    for (int step = 0; step < 2000; step++) {
      int[] lot = DP.lot(step, 10, 40);
      for (int i : lot) seen[i]++;
      total += lot.length;
      sizes.add(lot.length);
    }
    assertThat(total / 2000.0).isCloseTo(10, within(5 * Math.sqrt(40 * 0.25 * 0.75 / 2000)));
    assertThat(sizes.size()).as("lots differ in size").isGreaterThan(8);
    for (int s : seen)
      assertThat(s / 2000.0).isCloseTo(0.25, within(5 * Math.sqrt(0.25 * 0.75 / 2000)));
    assertThatThrownBy(() -> DP.lot(0, 41, 40)).hasMessageContaining("smaller batch");
  }

  @Test
  void sameSecretSameBitsOnAnyNumberOfThreads() {
    List<Map<String, float[]>> results = new ArrayList<>();
    for (int threads = 1; threads <= 3; threads++)
      try (Team team = Team.of(threads)) {
        results.add(trained(Kernels.best(team), DP));
      }
    TrainerTest.assertSameBits(results.get(1), results.get(0));
    TrainerTest.assertSameBits(results.get(2), results.get(0));
    Map<String, float[]> other = trained(TinyModels.best(), new DpSgd(0.7, 0.5f, Secret.ofSeed(4)));
    assertThat(other.get("blocks.0.attn.qkv.lora_b.weight"))
        .isNotEqualTo(results.get(0).get("blocks.0.attn.qkv.lora_b.weight"));
  }

  @Test
  void stoppedAfterAnyStepItResumesToTheSameBits() throws Exception {
    Map<String, float[]> want = trained(TinyModels.best(), DP);
    for (int stop = 1; stop < STEPS; stop++) {
      Path folder = temporary.resolve("stop-" + stop);
      Trainer first = trainer(model(), TinyModels.best(), DP);
      assertThat(first.run(folder, Map.of(), new ResumeTest.StopAfter(stop)).finished()).isFalse();
      TransformerModel model = model();
      trainer(model, TinyModels.best(), DP).run(folder, Map.of(), Progress.SILENT);
      TrainerTest.assertSameBits(TinyModels.numbers(model), want);
    }
    DpSgd other = new DpSgd(0.7, 0.5f, Secret.ofSeed(9));
    assertThatThrownBy(() ->
            trainer(model(), TinyModels.best(), other)
                .run(temporary.resolve("stop-1"), Map.of(), Progress.SILENT))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("dp_secret was");
  }

  @Test
  void theLastParametersAreKeptNotTheBest() {
    TransformerModel model = model();
    Map<Integer, Map<String, float[]>> after = new LinkedHashMap<>();
    Trainer.Result result =
        trainer(model, TinyModels.best(), new DpSgd(50, 0.5f, Secret.ofSeed(3)))
            .run(
                new Progress() {
                  @Override
                  public void step(Step step) {
                    after.put(step.step(), TinyModels.numbers(model));
                  }
                });
    assertThat(result.bestStep()).as("much noise makes it worse").isLessThan(STEPS);
    TrainerTest.assertSameBits(TinyModels.numbers(model), after.get(STEPS));
  }

  @Test
  void aSecretIsKeptForItsOwnerAlone() throws Exception {
    Path file = temporary.resolve("run/dp.secret");
    Secret made = Secret.keptIn(file);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(Secret.keptIn(file).fingerprint()).isEqualTo(made.fingerprint());
    assertThat(Secret.fresh().fingerprint()).isNotEqualTo(made.fingerprint());
    assertThat(made.fingerprint()).isNotEqualTo(Files.readString(file).strip());
    Files.writeString(file, "short");
    assertThatThrownBy(() -> Secret.keptIn(file))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("64 hexadecimal digits");
  }
}
