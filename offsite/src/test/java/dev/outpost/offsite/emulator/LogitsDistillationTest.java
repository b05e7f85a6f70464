package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.split.Split;
import dev.outpost.offsite.split.SplitPlan;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MirrorKernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Rewriter;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Logits as teachers, teachers on disk, and re-alignment. */
class LogitsDistillationTest {
  private static final Blocks TEXT = Blocks.of(TinyModels.tokens(11 * 8, 23, 1), 8);
  private static final Blocks HELD = Blocks.of(TinyModels.tokens(5 * 8, 23, 2), 8);
  private static final int[] FIRST = {0, 1};
  private final TransformerModel full = TinyModels.random(6, 3);
  private final Split split = Split.sandwich(full, 1, 1);
  private final Draft thin = new LayerDrop(2).apply(Draft.of(full, split), shop(null));
  @TempDir Path folder;

  private static Workshop shop(@Nullable Path state, Kernels kernels, Progress progress) {
    return new Workshop(
        kernels,
        TEXT,
        HELD,
        TrainingPlan.of(6, 3, 1e-2f, 5).evaluatingEvery(2),
        state,
        run -> progress);
  }

  private static Workshop shop(@Nullable Path state) {
    return shop(state, TinyModels.best(), Progress.SILENT);
  }

  private static Distil step(String text) {
    return (Distil) EmulatorSteps.read(StepSettings.parse(text));
  }

  private static float loss(Distillation objective, TransformerModel student) {
    Pass pass = Pass.of(Tape.evaluating(TinyModels.best(), new Workspace()), 2, 8);
    return objective
        .loss(student, pass, Input.of(TEXT.ids(FIRST)), TEXT.targets(FIRST))
        .value()
        .get(0);
  }

  private static double[] softmax(Tensor logits, int row, double temperature) {
    double[] p = new double[logits.cols()];
    double sum = 0;
    for (int j = 0; j < p.length; j++)
      sum += p[j] = Math.exp(logits.get(row * p.length + j) / temperature);
    for (int j = 0; j < p.length; j++) p[j] /= sum;
    return p;
  }

  private static Tensor logits(TransformerModel model) {
    Pass pass = Pass.of(Tape.evaluating(TinyModels.best(), new Workspace()), 2, 8);
    return model.logits(pass, model.hidden(pass, TEXT.ids(FIRST)));
  }

  /** Over the rows that predict something; of the teacher's {@code top} likeliest tokens. */
  private static double byHand(
      TransformerModel teacher, TransformerModel student, double t, int top) {
    Tensor said = logits(teacher);
    Tensor answered = logits(student);
    int[] targets = TEXT.targets(FIRST);
    double sum = 0;
    int n = 0;
    for (int r = 0; r < targets.length; r++) {
      if (targets[r] < 0) continue;
      double[] p = softmax(said, r, t);
      double[] sorted = p.clone();
      Arrays.sort(sorted);
      double least = sorted[p.length - top];
      double kept = 0;
      for (double v : p) if (v >= least) kept += v;
      double[] q = softmax(answered, r, t);
      for (int j = 0; j < p.length; j++)
        if (p[j] >= least) sum += p[j] / kept * Math.log(p[j] / kept / q[j]);
      n++;
    }
    return t * t * sum / n;
  }

  @Test
  void theLossIsTheDivergenceOfTheFullModelsTokens() {
    TransformerModel student = Distillation.student(thin);
    for (int top : new int[] {0, 4}) {
      Distillation soft = new Distillation(split, 0, 0, new SoftTargets(2, 1.5f, top), null);
      double want = 2 * byHand(full, student, 1.5, top == 0 ? 23 : top);
      assertThat(loss(soft, student)).isCloseTo((float) want, within(1e-4f));
      float all =
          loss(new Distillation(split, 0.5f, 3, new SoftTargets(2, 1.5f, top), null), student);
      float others = loss(new Distillation(split, 0.5f, 3), student);
      assertThat(all).isCloseTo(others + (float) want, within(1e-3f));
    }
    assertThat(
            loss(
                new Distillation(split, 0, 0, SoftTargets.of(1), null),
                Distillation.student(Draft.of(full, split))))
        .isCloseTo(0, within(1e-6f));
  }

  @Test
  void holesBetweenAdaptersAskTheWholeModel() {
    Split holes = SplitPlan.parse("0,3,5").of(full);
    Draft draft = Draft.of(full, holes).with(List.of(full.slots().get(1), full.slots().get(4)));
    TransformerModel student = Distillation.student(draft);
    float got = loss(new Distillation(holes, 0, 1e-6f, SoftTargets.of(1), null), student);
    assertThat(got).isCloseTo((float) byHand(full, student, 1, 23), within(1e-4f));
  }

  @Test
  void theGradientIsTheSlope() {
    TransformerModel student = Distillation.student(thin);
    Distillation soft = new Distillation(split, 0, 0, new SoftTargets(1, 2, 0), null);
    Gradients gradients = new Gradients();
    Tape tape = Tape.recording(TinyModels.best(), new Workspace());
    tape.backward(
        soft.loss(student, Pass.of(tape, 2, 8), Input.of(TEXT.ids(FIRST)), TEXT.targets(FIRST)),
        gradients);
    HeapWeight w = (HeapWeight) student.parameters().get("blocks.4.mlp.down.bias").weight();
    float[] g = gradients.get(w).toArray();
    double norm = 0;
    for (float v : g) norm += (double) v * v;
    norm = Math.sqrt(norm);
    float[] base = w.tensor().toArray();
    double[] at = new double[2];
    for (int side = 0; side < 2; side++) {
      for (int i = 0; i < g.length; i++)
        w.tensor().data()[i] = base[i] + (float) ((side == 0 ? 0.02 : -0.02) * g[i] / norm);
      at[side] = loss(soft, student);
    }
    assertThat((at[0] - at[1]) / 0.04).isCloseTo(norm, within(5e-3 * norm));
  }

  /** The numbers of a middle, whose slots' names say what they are. */
  private static Map<String, float[]> numbers(Draft draft) {
    return TinyModels.numbers(draft.model());
  }

  private static void assertEqual(Draft a, Draft b) {
    Map<String, float[]> other = numbers(b);
    numbers(a).forEach((name, v) -> assertThat(other.get(name)).as(name).isEqualTo(v));
  }

  @Test
  void learningFromTheFileGivesTheSameBits() throws Exception {
    for (String losses :
        new String[] {
          "kd=30",
          "lm=0,kd=1,logits=2,temperature=2",
          "kd=0,logits=1",
          "kd=1,logits=1,top=5",
          "kd=1,logits=1,select=kd"
        }) {
      Path here = folder.resolve(losses);
      Draft plain = step("distill:" + losses).apply(thin, shop(null));
      Draft cached = step("distill:" + losses + ",cache=true").apply(thin, shop(here));
      assertEqual(plain, cached);
      // On a device the next batch is read while the present one is learnt from.
      Kernels device = new MirrorKernels(TinyModels.best());
      assertEqual(
          plain,
          step("distill:" + losses + ",cache=true")
              .apply(thin, shop(here, device, Progress.SILENT)));
      try (var files = Files.list(here)) {
        assertThat(files.filter(f -> f.toString().endsWith(".bin")))
            .hasSize(losses.contains("select=kd") ? 2 : 1);
      }
    }
  }

  @Test
  void theFileIsReadAgainAndChecked() throws Exception {
    Lessons.Content content = new Lessons.Content(16, 16, 0);
    String base = BaseFingerprint.of(full).sha256();
    lessons(base, content).close();
    Path file;
    try (var files = Files.list(folder)) {
      file = files.toList().getFirst();
    }
    byte[] good = Files.readAllBytes(file);
    var written = Files.getLastModifiedTime(file);
    lessons(base, content).close();
    assertThat(Files.getLastModifiedTime(file)).isEqualTo(written);
    assertThatThrownBy(() -> lessons(base, new Lessons.Content(16, 0, 0)))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll(file.toString(), "bytes, must have", "delete it");
    assertThatThrownBy(() -> lessons(base, new Lessons.Content(0, 32, 0)))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("another base, text or loss");
    Files.write(file, Arrays.copyOf(good, good.length - 4));
    assertThatThrownBy(() -> lessons(base, content))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("must have " + good.length);
  }

  private Lessons lessons(String base, Lessons.Content content) throws Exception {
    return Lessons.of(folder, base, full, split, TEXT, content, 3, TinyModels.best());
  }

  @Test
  void lessonsAreForTheBatchesThatTheyHandedOut() throws Exception {
    try (Lessons l = lessons(BaseFingerprint.of(full).sha256(), new Lessons.Content(16, 0, 0))) {
      assertThat(l.count()).isEqualTo(11);
      Tape tape = Tape.evaluating(TinyModels.best(), new Workspace());
      Input early = l.batch(new int[] {4, 9}).input();
      Pass pass = Pass.of(tape, 2, 8);
      Var want = TransformerModel.stack(pass, full.slots().subList(0, 5), full.embed(pass, early));
      assertThat(l.middle(tape, early).toArray()).isEqualTo(want.value().toArray());
      l.batch(new int[] {1});
      assertThat(l.middle(tape, early).toArray()).isEqualTo(want.value().toArray());
      Input foreign = TEXT.batch(new int[] {4, 9}).input();
      assertThatThrownBy(() -> l.middle(tape, foreign)).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void theLargestAreFound() {
    Tensor t = Tensor.of(Shape.of(2, 6), 0, 0, 0, 0, 0, 0, 3, 9, 3, 1, 9, 8);
    assertThat(Lessons.top(t, 1, 3)).containsExactly(1, 4, 5);
    assertThat(Lessons.top(t, 1, 4)).containsExactly(0, 1, 4, 5);
    assertThat(Lessons.top(t, 1, 6)).containsExactly(0, 1, 2, 3, 4, 5);
  }

  @Test
  void theBestStepIsChosenByTheLossThatIsSaid() throws Exception {
    List<Double> measured = new ArrayList<>();
    Progress watch =
        new Progress() {
          @Override
          public void evaluated(int step, double loss, boolean best) {
            measured.add(loss);
          }
        };
    Draft made =
        step("distill:lm=1,kd=2,select=kd").apply(thin, shop(null, TinyModels.best(), watch));
    double best = measured.stream().mapToDouble(d -> d).min().orElseThrow();
    Distillation kd = new Distillation(split, 0, 2);
    double sum = 0;
    TransformerModel student = Distillation.student(made);
    for (int[] which : new int[][] {{0, 1, 2}, {3, 4}}) {
      Pass pass = Pass.of(Tape.evaluating(TinyModels.best(), new Workspace()), which.length, 8);
      sum +=
          which.length
              * kd.loss(student, pass, Input.of(HELD.ids(which)), HELD.targets(which))
                  .value()
                  .get(0);
    }
    assertThat(measured).hasSize(3);
    assertThat(sum / 5).isCloseTo(best, within(1e-6));
  }

  /** Asks to stop after so many steps. */
  private static Progress stopping(int after) {
    return new Progress() {
      private int steps;

      @Override
      public void step(Step step) {
        steps++;
      }

      @Override
      public boolean stopRequested() {
        return steps >= after;
      }
    };
  }

  @Test
  void stoppedAndResumedGivesTheSameBitsOnAnyThreads() throws Exception {
    for (String losses : new String[] {"kd=1,logits=1,select=kd,cache=true", "kd=1,logits=1"}) {
      Path here = folder.resolve(losses);
      Draft whole =
          step("distill:" + losses)
              .apply(thin, shop(here.resolve("a"), Kernels.best(Team.of(1)), Progress.SILENT));
      assertThatThrownBy(() ->
              step("distill:" + losses)
                  .apply(thin, shop(here.resolve("b"), TinyModels.best(), stopping(3))))
          .isInstanceOf(StoppedException.class);
      assertEqual(whole, step("distill:" + losses).apply(thin, shop(here.resolve("b"))));
    }
    Path other = folder.resolve("kd=1,logits=1").resolve("b");
    assertThatThrownBy(() -> step("distill:kd=1,logits=2").apply(thin, shop(other)))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("soft_targets");
  }

  @Test
  void whatCannotBeIsSaid() {
    assertThatThrownBy(() -> step("distill:cache=true").apply(thin, shop(null)))
        .hasMessageContaining("cache=true needs a folder");
    Split holes = SplitPlan.parse("0,3,5").of(full);
    assertThatThrownBy(() -> step("distill:cache=true").apply(Draft.of(full, holes), shop(folder)))
        .hasMessageContaining("leaves 2");
    assertThatThrownBy(() -> step("distill:kd=0,select=kd")).hasMessageContaining("select=kd");
    assertThatThrownBy(() -> step("distill:kd=0,cache=true")).hasMessageContaining("cache=true");
    assertThatThrownBy(() -> step("distill:temperature=2")).hasMessageContaining("logits");
    assertThatThrownBy(() -> step("distill:logits=1,temperature=0"))
        .hasMessageContaining("temperature must be from");
  }

  @Test
  void settingsReadBack() throws Exception {
    for (String text :
        new String[] {
          "distill", "distill:logits=1.5,temperature=2.0,top=8,select=kd,cache=true,steps=4",
          "realign", "realign:hidden=2.0,lambda=0.0,steps=7,round-steps=3,lr=0.001"
        }) {
      EmulatorStep step = EmulatorSteps.read(StepSettings.parse(text));
      JsonObject described = JsonObject.parse("step", step.describe().toText());
      assertThat(EmulatorSteps.read(StepSettings.of(described))).isEqualTo(step);
    }
    assertThatThrownBy(() -> EmulatorSteps.read(StepSettings.parse("realign:hidden=0,lambda=0")))
        .hasMessageContaining("not both 0");
  }

  // Re-alignment.

  /** The full model with other numbers in its adapter blocks, or with LoRA on them. */
  private TransformerModel tuned(boolean lora) {
    if (lora) {
      TransformerModel attached =
          Attach.lora(full, Set.of("blocks.0", "blocks.5"), LoraConfig.of(2), 7);
      return attached
          .rewrite(
              new Rewriter() {
                @Override
                public Parameter parameter(String path, Parameter p) {
                  if (!path.endsWith("lora_b.weight")) return p;
                  Tensor t = p.weight().toTensor();
                  t.fill(0.1f);
                  return Parameter.frozen(HeapWeight.of(t));
                }
              })
          .frozen();
    }
    TransformerModel other = TinyModels.random(6, 99);
    Map<String, Parameter> theirs = other.parameters();
    return full.rewrite(
        new Rewriter() {
          @Override
          public Parameter parameter(String path, Parameter p) {
            return Split.owns(Set.of("blocks.0", "blocks.5"), path) ? theirs.get(path) : p;
          }
        });
  }

  @Test
  void aRoundAlignsToTheAdapterOfTheRoundAndTouchesNothingElse() throws Exception {
    for (boolean lora : new boolean[] {false, true}) {
      TransformerModel current = tuned(lora);
      Map<String, float[]> before = TinyModels.numbers(current);
      Realign realign = new Realign(1, 0.9f, 8, StepTraining.of(5, 1e-2));
      Draft aligned = realign.round(thin, current, 0, shop(null));
      assertThat(aligned.full()).isSameAs(full);
      assertThat(aligned.model().count(true)).isZero();
      Split split = new Split(current.slots(), Set.of("blocks.0", "blocks.5"));
      Distillation objective = new Distillation(split, 0, 1, SoftTargets.of(0.9f), null);
      float first = loss(objective, new Draft(current, split, thin.middle()).model());
      float last = loss(objective, new Draft(current, split, aligned.middle()).model());
      assertThat(last).isLessThan(0.9f * first);
      TinyModels.numbers(current)
          .forEach((name, v) -> assertThat(v).as(name).isEqualTo(before.get(name)));
      numbers(aligned)
          .forEach((name, v) ->
              assertThat(Arrays.equals(v, numbers(thin).get(name)))
                  .as(name)
                  .isEqualTo(!Split.owns(Set.of("blocks.1", "blocks.4"), name)));
    }
  }

  @Test
  void roundsReadTheTextInOrdersOfTheirOwnAndResume() throws Exception {
    TransformerModel current = tuned(false);
    Realign realign = new Realign(1, 0.9f, 4, StepTraining.of(5, 1e-2));
    Draft zero = realign.round(thin, current, 0, shop(null));
    Draft one = realign.round(thin, current, 1, shop(null));
    assertThat(numbers(zero).get("blocks.1.mlp.up.weight"))
        .isNotEqualTo(numbers(one).get("blocks.1.mlp.up.weight"));
    assertThatThrownBy(
            () -> realign.round(thin, current, 0, shop(folder, TinyModels.best(), stopping(2))))
        .isInstanceOf(StoppedException.class);
    assertEqual(
        zero,
        realign.round(thin, current, 0, shop(folder, Kernels.best(Team.of(1)), Progress.SILENT)));
    assertThatThrownBy(() -> realign.round(thin, TinyModels.random(5, 3), 0, shop(null)))
        .hasMessageContaining("the emulator was made of");
  }

  @Test
  void asAStepItAlignsToTheBaseItself() throws Exception {
    Realign realign = new Realign(1, 0.9f, 4, StepTraining.of(6, 1e-2));
    Draft aligned = EmulatorRecipe.parse("1-2-1").then(realign).make(full, shop(null));
    Distillation objective = new Distillation(split, 0, 1, SoftTargets.of(0.9f), null);
    assertThat(loss(objective, aligned.model())).isLessThan(loss(objective, thin.model()));
    assertThat(Realign.paper().training().steps()).hasValue(50);
  }
}
