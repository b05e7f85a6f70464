package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.optim.Schedule;
import dev.outpost.offsite.split.Split;
import dev.outpost.offsite.split.SplitPlan;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DistillationTest {
  private static final Blocks BLOCKS = Blocks.of(TinyModels.tokens(6 * 8, 23, 1), 8);
  private static final int[] FIRST = {0, 1};
  private final TransformerModel full = TinyModels.random(6, 3);
  private final Split split = Split.sandwich(full, 1, 1);
  private final List<Slot> thinned = new LayerDrop(2).apply(split.middle());
  private final Kernels kernels = TinyModels.best();

  private Distillation objective(float lm, float kd) {
    return new Distillation(split, lm, kd);
  }

  private float loss(Distillation objective, TransformerModel student) {
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 2, 8);
    return objective
        .loss(student, pass, Input.of(BLOCKS.ids(FIRST)), BLOCKS.targets(FIRST))
        .value()
        .get(0);
  }

  @Test
  void isZeroWhenTheEmulatorIsTheTeacher() {
    TransformerModel student = Distillation.student(Draft.of(full, split));
    assertThat(loss(objective(0, 30), student)).isZero();
  }

  @Test
  void isTheWeightedSumOfBothLosses() {
    TransformerModel student = Distillation.student(Draft.of(full, split).with(thinned));
    float lm = loss(objective(1, 0), student);
    float kd = loss(objective(0, 1), student);
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 2, 8);
    assertThat(lm)
        .isEqualTo(
            student.loss(pass, Input.of(BLOCKS.ids(FIRST)), BLOCKS.targets(FIRST)).value().get(0));
    assertThat(kd).isPositive().isCloseTo(byHand(student), within(1e-5f * kd));
    assertThat(loss(objective(1, 30), student)).isCloseTo(lm + 30 * kd, within(1e-4f));
    assertThat(loss(objective(0.5f, 2), student)).isCloseTo(0.5f * lm + 2 * kd, within(1e-4f));
  }

  /** mean(((T − S)/rms(T))²) from the two stacks' outputs. */
  private float byHand(TransformerModel student) {
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 2, 8);
    Var h =
        TransformerModel.stack(
            pass, student.slots().subList(0, 1), student.embed(pass, Input.of(BLOCKS.ids(FIRST))));
    float[] input = h.value().toArray();
    Tensor t = after(split.middle(), input, h);
    Tensor s = after(student.slots().subList(1, 3), input, h);
    double square = 0;
    for (int i = 0; i < t.size(); i++) square += (double) t.get(i) * t.get(i);
    double rms = Math.sqrt(square / t.size());
    double sum = 0;
    for (int i = 0; i < t.size(); i++) sum += Math.pow((t.get(i) - s.get(i)) / rms, 2);
    return (float) (sum / t.size());
  }

  private Tensor after(List<Slot> slots, float[] input, Var like) {
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 2, 8);
    Var x = pass.tape().constant(Tensor.of(like.shape(), input.clone()));
    return TransformerModel.stack(pass, slots, x).value();
  }

  @Test
  void onlyTheEmulatorGetsGradientsAndAllOfIt() {
    for (float lm : new float[] {0, 1}) {
      TransformerModel student = Distillation.student(Draft.of(full, split).with(thinned));
      Tape tape = Tape.recording(kernels, new Workspace());
      Pass pass = Pass.of(tape, 2, 8).recomputing(true);
      Gradients gradients = new Gradients();
      Var loss =
          objective(lm, 30).loss(student, pass, Input.of(BLOCKS.ids(FIRST)), BLOCKS.targets(FIRST));
      tape.backward(loss, gradients);
      Set<String> emulator = Set.of("blocks.1", "blocks.4");
      student.visit((name, p) -> {
        assertThat(p.trainable()).as(name).isEqualTo(Split.owns(emulator, name));
        assertThat(gradients.get((HeapWeight) p.weight()) != null)
            .as(name)
            .isEqualTo(p.trainable());
      });
      full.visit((name, p) ->
          assertThat(gradients.get((HeapWeight) p.weight())).as("teacher's " + name).isNull());
    }
  }

  @Test
  void theGradientIsTheSlopeOfTheLoss() {
    TransformerModel student = Distillation.student(Draft.of(full, split).with(thinned));
    Distillation objective = objective(1, 30);
    Gradients gradients = new Gradients();
    Tape tape = Tape.recording(kernels, new Workspace());
    tape.backward(
        objective.loss(
            student, Pass.of(tape, 2, 8), Input.of(BLOCKS.ids(FIRST)), BLOCKS.targets(FIRST)),
        gradients);
    HeapWeight w = (HeapWeight) student.parameters().get("blocks.4.mlp.down.bias").weight();
    float[] g = gradients.get(w).toArray();
    double slope = 0;
    for (float v : g) slope += (double) v * v;
    double norm = Math.sqrt(slope);
    float step = 0.02f;
    float[] base = w.tensor().toArray();
    for (int i = 0; i < g.length; i++)
      w.tensor().data()[i] = base[i] + (float) (step * g[i] / norm);
    double up = loss(objective, student);
    for (int i = 0; i < g.length; i++)
      w.tensor().data()[i] = base[i] - (float) (step * g[i] / norm);
    double down = loss(objective, student);
    assertThat((up - down) / (2 * step)).isCloseTo(norm, within(2e-3 * norm));
  }

  @Test
  void distillingMakesTheLossFallAndChangesNothingButTheEmulator() throws Exception {
    Map<String, float[]> before = TinyModels.numbers(full);
    TrainingPlan plan =
        new TrainingPlan(25, 3, 1, 5e-3f, new Schedule.Constant(0), 0, 1, 0, 0, 1, false);
    List<Double> losses = new ArrayList<>();
    Progress watch =
        new Progress() {
          @Override
          public void step(Step step) {
            losses.add(step.loss());
          }
        };
    Workshop shop = new Workshop(kernels, BLOCKS, BLOCKS, plan, null, run -> watch);
    TransformerModel emulated =
        EmulatorRecipe.parse("1-2-1").then(Distil.paper()).make(full, shop).model();
    assertThat(losses.getLast()).isLessThan(losses.getFirst() / 2);
    assertThat(emulated.count(true)).isZero();
    assertThat(emulated.slots())
        .extracting(Slot::name)
        .containsExactly("blocks.0", "blocks.1", "blocks.4", "blocks.5");
    TinyModels.numbers(full)
        .forEach((name, values) -> assertThat(values).as(name).isEqualTo(before.get(name)));
    TinyModels.numbers(emulated)
        .forEach((name, values) -> {
          if (Split.owns(Set.of("blocks.1", "blocks.4"), name))
            assertThat(values).as(name).isNotEqualTo(before.get(name));
          else assertThat(values).as(name).isEqualTo(before.get(name));
        });
  }

  @Test
  void weightsThatSayNothingAreRefused() {
    assertThatThrownBy(() -> objective(0, 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> objective(-1, 30)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> objective(1, Float.NaN)).isInstanceOf(IllegalArgumentException.class);
  }

  /** With an adapter block in between, each run of the middle is compared on its own input. */
  @Test
  void runsBetweenAdapterBlocksAreComparedOneByOne() {
    Split holes = SplitPlan.parse("0,3,5").of(full);
    Distillation objective = new Distillation(holes, 0, 1);
    assertThat(loss(objective, Distillation.student(Draft.of(full, holes)))).isZero();
    Draft thinner = Draft.of(full, holes).with(List.of(full.slots().get(1), full.slots().get(4)));
    float first =
        loss(
            objective,
            Distillation.student(
                Draft.of(full, holes)
                    .with(List.of(full.slots().get(1), full.slots().get(2), full.slots().get(4)))));
    assertThat(first).isZero();
    assertThat(loss(objective, Distillation.student(thinner))).isPositive();
  }
}
