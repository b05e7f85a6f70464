package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.optim.Schedule;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.LayerRanking;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LayerReplaceTest {
  private static final Blocks TEXT = Blocks.of(TinyModels.tokens(12 * 8, 23, 1), 8);
  private final TransformerModel full = TinyModels.random(8, 3);
  private final Kernels kernels = TinyModels.best();
  private final List<Double> losses = new ArrayList<>();
  @TempDir Path dir;

  private Workshop shop(int steps, float rate) {
    TrainingPlan plan = TrainingPlan.of(steps, 6, rate, 1).following(new Schedule.Constant(0));
    Progress watch =
        new Progress() {
          @Override
          public void step(Step step) {
            losses.add(step.loss());
          }
        };
    return new Workshop(kernels, TEXT, null, plan, null, run -> watch);
  }

  private static LayerRanking ranking(TransformerModel base, List<Double> scores) {
    return new LayerRanking(
        BaseFingerprint.of(base),
        4,
        scores,
        IntStream.range(0, scores.size())
            .mapToObj(i -> Harmonizer.fresh("blocks." + i, 16, 3, 7))
            .toList(),
        JsonObject.create(),
        List.of());
  }

  private Path ranked() throws Exception {
    Path folder = dir.resolve("ranking");
    ranking(full, List.of(9.0, 0.4, -0.1, 0.2, 0.3, -0.5, -0.4, 9.0)).write(folder);
    return folder;
  }

  private static EmulatorStep step(String text) {
    return EmulatorSteps.read(StepSettings.parse(text));
  }

  private static Set<String> replaced(TransformerModel m) {
    return m.slots().stream()
        .filter(s -> s.block() instanceof Harmonizer)
        .map(Slot::name)
        .collect(Collectors.toSet());
  }

  @ParameterizedTest
  @CsvSource({
    // Scores of 12 blocks in groups of 4; the middle is 2 to 9. Rounded shares of groups of 2 4 2.
    "0.25, group, 2 4",
    "0.5, group, 2 4 6 9",
    "0.75, group, 2 3 4 5 6 9",
    "1, group, 2 3 4 5 6 7 8 9",
    "0, group, ''",
    "0.25, model, 8 9",
    "0.5, model, 2 4 8 9"
  })
  void theLeastImportantShareIsChosen(double alpha, String per, String wanted) {
    LayerRanking r =
        ranking(
            TinyModels.random(12, 1),
            List.of(5.0, 5.0, -0.3, -0.1, -0.2, 0.1, 0.0, 0.2, -0.4, -0.5, 5.0, 5.0));
    LayerReplace step =
        (LayerReplace) step("layer-replace:ranking=r,alpha=" + alpha + ",per=" + per);
    List<Integer> chosen = step.chosen(r, IntStream.range(2, 10).boxed().toList());
    assertThat(chosen.stream().map(String::valueOf).collect(Collectors.joining(" ")))
        .isEqualTo(wanted);
  }

  @Test
  void aPinnedStepTakesTheRankingItWasPinnedToAndNoOther() throws Exception {
    Path folder = ranked();
    EmulatorRecipe recipe =
        EmulatorRecipe.parse("1-1").then(step("layer-replace:ranking=" + folder)).pinned();
    TransformerModel made = recipe.make(full, Workshop.of(kernels, 1)).model();
    assertThat(replaced(made)).hasSize(2);
    ranking(full, List.of(9.0, 0.4, -0.1, 0.2, 0.3, -0.5, -0.4, 8.0)).write(folder);
    assertThatThrownBy(() -> recipe.make(full, Workshop.of(kernels, 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("ranking-sha256")
        .hasMessageContaining("leave");
  }

  @Test
  void theRankingsHarmonizersStandWhereTheBlocksStood() throws Exception {
    Path folder = ranked();
    EmulatorRecipe recipe =
        EmulatorRecipe.parse("1-1").then(step("layer-replace:ranking=" + folder + ",alpha=0.5"));
    TransformerModel emulated = recipe.make(full, Workshop.of(kernels, 1)).model();
    assertThat(emulated.slots()).extracting(Slot::name).isEqualTo(names(full));
    assertThat(replaced(emulated)).containsExactlyInAnyOrder("blocks.2", "blocks.3", "blocks.5");
    List<Harmonizer> learned = LayerRanking.read(folder).harmonizers();
    for (Slot s : emulated.slots()) {
      int i = Integer.parseInt(s.name().substring(7));
      if (s.block() instanceof Harmonizer h)
        assertThat(numbers(h)).isEqualTo(numbers(learned.get(i)));
      else assertThat(s).isSameAs(full.slots().get(i));
    }
    // Told in full but for the ranking's folder, and read back the same.
    LayerReplace step = (LayerReplace) recipe.steps().getFirst();
    assertThat(EmulatorSteps.read(StepSettings.of(step.describe())))
        .isEqualTo(
            new LayerReplace(
                step.ranking().getFileName(), step.alpha(), step.per(), step.training(), null));

    EmulatorStep pinned = step.pinned();
    assertThat(EmulatorSteps.read(StepSettings.of(pinned.describe())).describe().toLine())
        .isEqualTo(pinned.describe().toLine())
        .contains(LayerRanking.sha256(folder));

    Path pack = dir.resolve("package");
    OffsitePackage.write(
        pack,
        emulated,
        Set.of("blocks.0", "blocks.7"),
        BaseFingerprint.of(full),
        new Gpt2().write(full.spec(), 0),
        recipe.describe(),
        null);
    try (OffsitePackage p = OffsitePackage.open(pack)) {
      assertThat(replaced(p.model())).isEqualTo(replaced(emulated));
      Map<String, float[]> got = TinyModels.numbers(p.model());
      TinyModels.numbers(emulated)
          .forEach((name, values) -> assertThat(got.get(name)).as(name).isEqualTo(values));
    }
  }

  private static List<String> names(TransformerModel m) {
    return m.slots().stream().map(Slot::name).toList();
  }

  private static List<Float> numbers(Harmonizer h) {
    List<Float> all = new ArrayList<>();
    h.visit(
        "x",
        (name, p) -> {
          for (float v : p.weight().toTensor().toArray()) all.add(v);
        });
    return all;
  }

  @Test
  void afterAStepThatDroppedBlocksTheRestIsChosenFrom() throws Exception {
    TransformerModel emulated =
        EmulatorRecipe.parse("1-1")
            .then(step("layer-keep:blocks=1+2+4+6"))
            .then(step("layer-replace:ranking=" + ranked() + ",alpha=0.5"))
            .make(full, Workshop.of(kernels, 1))
            .model();
    assertThat(replaced(emulated)).containsExactlyInAnyOrder("blocks.2", "blocks.6");
  }

  @Test
  void anotherBaseIsRefused() throws Exception {
    EmulatorRecipe recipe = EmulatorRecipe.parse("1-1").then(LayerReplace.of(ranked(), 0.5));
    assertThatThrownBy(() -> recipe.make(TinyModels.random(8, 4), Workshop.of(kernels, 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("was learned on base");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "layer-replace|step layer-replace: ranking is missing; give the folder that outpost rank wrote",
        "layer-replace:ranking=r,alpha=1.5|step layer-replace: alpha must be from 0 to 1, got 1.5000",
        "layer-replace:ranking=r,per=row|step layer-replace: per must be one of [group, model]",
        "layer-replace:ranking=r,steps=5|step layer-replace: train is none, so steps, lr and batch say nothing",
        "harmonizer|step harmonizer: blocks is missing",
        "harmonizer:blocks=2,rank=0|step harmonizer: rank must be from 1",
        "harmonizer:blocks=2,train=x|step harmonizer: train must be one of [none, lm, hidden]"
      })
  void wrongSettingsAreNamed(String step, String message) {
    assertThatThrownBy(() -> step(step))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(message.replace("1.5000", "1.5"));
  }

  @ParameterizedTest
  @CsvSource({"lm, 0.03", "hidden, 0.01"})
  void trainingMovesTheHarmonizersAndNothingElse(String loss, float rate) throws Exception {
    Map<String, float[]> before = TinyModels.numbers(full);
    TransformerModel emulated =
        EmulatorRecipe.parse("1-1")
            .then(step("harmonizer:blocks=2+5,rank=8,train=" + loss))
            .make(full, shop(40, rate))
            .model();
    assertThat(losses).hasSize(40);
    assertThat(losses.getLast()).isLessThan(0.9 * losses.getFirst());
    assertThat(replaced(emulated)).containsExactlyInAnyOrder("blocks.2", "blocks.5");
    assertThat(emulated.count(true)).isZero();
    TinyModels.numbers(emulated)
        .forEach((name, values) -> {
          if (name.endsWith("harmonizer.up.weight"))
            assertThat(values).as(name).isNotEqualTo(new float[values.length]);
          else if (!name.contains("harmonizer"))
            assertThat(values).as(name).isEqualTo(before.get(name));
        });
    TinyModels.numbers(full)
        .forEach((name, values) -> assertThat(values).as(name).isEqualTo(before.get(name)));
  }

  @Test
  void aRankingsHarmonizersLearnOnAndTheRankingStays() throws Exception {
    Path folder = ranked();
    TransformerModel emulated =
        EmulatorRecipe.parse("1-1")
            .then(step("layer-replace:ranking=" + folder + ",alpha=0.2,train=lm,steps=3,lr=0.01"))
            .make(full, shop(40, 1e-3f))
            .model();
    assertThat(losses).hasSize(3);
    Slot two = emulated.slots().get(2);
    assertThat(two.block()).isInstanceOf(Harmonizer.class);
    assertThat(numbers((Harmonizer) two.block()))
        .isNotEqualTo(numbers(LayerRanking.read(folder).harmonizers().get(2)));
  }

  /** Zero where the pupil is the block itself; and no gradient leaves a pupil. */
  @Test
  void imitationComparesEachBlockOnItsOwnInput() {
    Set<String> slots = Set.of("blocks.2", "blocks.5");
    HarmonizerTraining.Imitation objective = new HarmonizerTraining.Imitation(full, slots);
    int[] first = {0, 1};
    Pass plain = Pass.of(Tape.evaluating(kernels, new Workspace()), 2, 8);
    assertThat(
            objective
                .loss(full, plain, Input.of(TEXT.ids(first)), TEXT.targets(first))
                .value()
                .get(0))
        .isZero();
    List<Slot> with = new ArrayList<>(full.slots());
    for (int i : new int[] {2, 5})
      with.set(i, with.get(i).with(Harmonizer.fresh("blocks." + i, 16, 4, 1)));
    TransformerModel student = full.withSlots(with).trainable(n -> n.contains("harmonizer"));
    Tape tape = Tape.recording(kernels, new Workspace());
    Var loss =
        objective.loss(
            student, Pass.of(tape, 2, 8), Input.of(TEXT.ids(first)), TEXT.targets(first));
    assertThat(loss.value().get(0)).isPositive();
    Gradients gradients = new Gradients();
    tape.backward(loss, gradients);
    student.visit((name, p) ->
        assertThat(gradients.get((HeapWeight) p.weight()) != null)
            .as(name)
            .isEqualTo(p.trainable()));
  }

  @Test
  void aBlockThatIsNotInTheMiddleIsNamed() {
    assertThatThrownBy(() ->
            EmulatorRecipe.parse("1-1")
                .then(step("harmonizer:blocks=0+3,train=none"))
                .make(full, Workshop.of(kernels, 1)))
        .hasMessageContaining("step harmonizer: the middle has no blocks [0]");
  }

  @Test
  void textIsAskedFor() {
    assertThat(step("harmonizer:blocks=2").needsText()).isTrue();
    assertThat(step("layer-replace:ranking=r").needsText()).isFalse();
    assertThatThrownBy(() ->
            EmulatorRecipe.parse("1-1")
                .then(step("harmonizer:blocks=3"))
                .make(full, Workshop.of(kernels, 1)))
        .hasMessageContaining("step harmonizer: needs public text");
  }
}
