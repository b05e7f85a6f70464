package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.optim.Schedule;
import dev.outpost.offsite.artifact.LayerRanking;
import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Rewriter;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DynamicLayerReplaceTest {
  private static final Blocks TEXT = Blocks.of(TinyModels.tokens(12 * 8, 23, 1), 8);
  private static final DynamicLayerReplace.Settings SMALL =
      new DynamicLayerReplace.Settings(4, 3, 1, 4);
  private final TransformerModel full = TinyModels.random(6, 3);
  private final Kernels kernels = TinyModels.best();
  @TempDir Path folder;

  private DynamicLayerReplace stage(TrainingPlan plan, Kernels on) {
    return new DynamicLayerReplace(full, SMALL, TEXT, TEXT.slice(0, 5), plan, on);
  }

  private static TrainingPlan plan(int steps) {
    return TrainingPlan.of(steps, 2, 1e-2f, 4).evaluatingEvery(3).savingEvery(2);
  }

  private static void same(LayerRanking got, LayerRanking wanted) {
    assertThat(got.scores()).isEqualTo(wanted.scores());
    assertThat(got.history()).isEqualTo(wanted.history());
    assertThat(numbers(got)).usingRecursiveComparison().isEqualTo(numbers(wanted));
    assertThat(got.settings().toLine()).isEqualTo(wanted.settings().toLine());
  }

  private static Map<String, float[]> numbers(LayerRanking r) {
    Map<String, float[]> all = new java.util.TreeMap<>();
    for (int i = 0; i < r.harmonizers().size(); i++)
      r.harmonizers()
          .get(i)
          .visit("blocks." + i, (name, p) -> all.put(name, p.weight().toTensor().toArray()));
    return all;
  }

  @Test
  void aFreshHarmonizerPassesItsInputOn() {
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 1, 5);
    Tensor x = Tensor.zeros(5, 16);
    for (int i = 0; i < x.size(); i++) x.data()[i] = i - 30;
    Var out = Harmonizer.fresh("blocks.2", 16, 4, 1).forward(pass, pass.tape().constant(x));
    assertThat(out.value().toArray()).isEqualTo(x.toArray());
  }

  @Test
  void oneStepTrainsTheReplacedBlocksHarmonizersOnly() throws Exception {
    Map<String, float[]> before = TinyModels.numbers(full);
    TrainingPlan once = plan(1).following(new Schedule.Constant(0));
    LayerRanking learned = stage(once, kernels).run(null, Progress.SILENT);
    boolean[] kept = new LayerScores(6, 4).sample(RandomStream.of(4, "layer-replace.train"));
    assertThat(kept).contains(true).contains(false);
    for (int i = 0; i < 6; i++) {
      float[] up = numbers(learned).get("blocks." + i + ".harmonizer.up.weight");
      if (kept[i]) assertThat(up).as("kept " + i).containsOnly(0);
      else assertThat(up).as("replaced " + i).doesNotContain(0);
    }
    TinyModels.numbers(full)
        .forEach((name, values) -> assertThat(values).as(name).isEqualTo(before.get(name)));
    assertThat(learned.scores()).hasSize(6).anyMatch(s -> s != 0);
  }

  @Test
  void theBitsDoNotDependOnThreads() throws Exception {
    try (Team one = Team.of(1)) {
      same(
          stage(plan(7), Kernels.best(one)).run(null, Progress.SILENT),
          stage(plan(7), kernels).run(null, Progress.SILENT));
    }
  }

  @Test
  void aStoppedRunGoesOnBitForBit() throws Exception {
    LayerRanking straight = stage(plan(7), kernels).run(null, Progress.SILENT);
    assertThat(straight.history())
        .extracting(LayerRanking.Point::step)
        .containsExactly(1, 2, 3, 4, 5, 6, 7);
    // Out of step with the intervals of saving and measuring.
    for (int stop : new int[] {1, 5}) {
      int[] seen = {0};
      Progress impatient =
          new Progress() {
            @Override
            public void step(Step step) {
              seen[0] = step.step();
            }

            @Override
            public boolean stopRequested() {
              return seen[0] == stop;
            }
          };
      assertThatThrownBy(() -> stage(plan(7), kernels).run(folder, impatient))
          .isInstanceOf(StoppedException.class)
          .extracting(e -> ((StoppedException) e).steps())
          .isEqualTo(stop);
    }
    same(stage(plan(7), kernels).run(folder, Progress.SILENT), straight);
  }

  @Test
  void sumsSinceTheLastPointSurviveAnInterruption() throws Exception {
    // 250 steps have a point every second one.
    TrainingPlan long250 = TrainingPlan.of(250, 1, 1e-2f, 4).evaluatingEvery(0);
    int[] asked = {0};
    Progress once =
        new Progress() {
          @Override
          public boolean stopRequested() {
            return ++asked[0] == 7;
          }
        };
    assertThatThrownBy(() -> stage(long250, kernels).run(folder, once))
        .isInstanceOf(StoppedException.class);
    LayerRanking resumed = stage(long250, kernels).run(folder, Progress.SILENT);
    same(resumed, stage(long250, kernels).run(null, Progress.SILENT));
    assertThat(resumed.history()).hasSize(125);
  }

  @Test
  void anotherRunsStateIsRefusedByWhatDiffers() throws Exception {
    stage(plan(2), kernels).run(folder, Progress.SILENT);
    assertThatThrownBy(() -> stage(plan(3), kernels).run(folder, Progress.SILENT))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("steps was 2, now 3");
    DynamicLayerReplace other =
        new DynamicLayerReplace(
            TinyModels.random(6, 4), SMALL, TEXT, TEXT.slice(0, 5), plan(2), kernels);
    assertThatThrownBy(() -> other.run(folder, Progress.SILENT))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("base was ");
  }

  @Test
  void settingsThatLearnNothingAreRefused() {
    assertThatThrownBy(() -> new DynamicLayerReplace.Settings(1, 3, 1, 4))
        .hasMessageContaining("group");
    assertThatThrownBy(() -> new DynamicLayerReplace.Settings(4, 1, 1, 4))
        .hasMessageContaining("candidates");
    assertThatThrownBy(() -> new DynamicLayerReplace.Settings(4, 3, 0, 4))
        .hasMessageContaining("score rate");
    assertThatThrownBy(() -> new DynamicLayerReplace.Settings(4, 3, 1, 0))
        .hasMessageContaining("rank");
  }

  /**
   * Every block of a random model has its say in what the model says, but for one whose way out is
   * all but closed.
   */
  @ParameterizedTest
  @CsvSource({"6, 0", "2, 1", "3, 2", "4, 3", "5, 2"})
  void aUselessBlockIsRankedLast(long seed, int useless) throws Exception {
    TransformerModel model = deaf(TinyModels.random(4, seed), useless);
    Examples own = new Own(model, 24, kernels);
    LayerRanking learned =
        new DynamicLayerReplace(
                model,
                new DynamicLayerReplace.Settings(4, 3, 1, 4),
                own,
                own,
                TrainingPlan.of(60, 24, 1e-3f, seed),
                kernels)
            .run(null, Progress.SILENT);
    int last =
        IntStream.range(0, 4)
            .boxed()
            .min((a, b) -> Double.compare(learned.scores().get(a), learned.scores().get(b)))
            .orElseThrow();
    assertThat(last).as(learned.scores().toString()).isEqualTo(useless);
  }

  /** The model with what one block adds to the stream scaled to a hundred-thousandth. */
  static TransformerModel deaf(TransformerModel model, int block) {
    return model.rewrite(
        new Rewriter() {
          @Override
          public Parameter parameter(String path, Parameter p) {
            boolean out = path.contains("attn.out.") || path.contains("mlp.down.");
            if (!out || !Split.owns(Set.of("blocks." + block), path)) return p;
            Tensor t = p.weight().toTensor();
            for (int i = 0; i < t.size(); i++) t.data()[t.offset() + i] *= 1e-5f;
            return Parameter.frozen(HeapWeight.of(t));
          }
        });
  }

  /** Random tokens, and after each what the model itself finds likeliest. */
  private record Own(int[] ids, int[] says) implements Examples {
    private static final int TIME = 12;

    Own(TransformerModel model, int count, Kernels kernels) {
      this(TinyModels.tokens(count * TIME, 23, 8), new int[count * TIME]);
      Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), count, TIME);
      Tensor logits = model.logits(pass, model.hidden(pass, ids));
      for (int i = 0; i < says.length; i++)
        for (int v = 1; v < 23; v++)
          if (logits.get(i * 23 + v) > logits.get(i * 23 + says[i])) says[i] = v;
    }

    @Override
    public int count() {
      return ids.length / TIME;
    }

    @Override
    public Batch batch(int[] which) {
      int[] in = new int[which.length * TIME];
      int[] out = new int[in.length];
      for (int i = 0; i < which.length; i++) {
        System.arraycopy(ids, which[i] * TIME, in, i * TIME, TIME);
        System.arraycopy(says, which[i] * TIME, out, i * TIME, TIME);
      }
      return new Batch(Input.of(in), which.length, TIME, out);
    }

    @Override
    public String extent() {
      return count() + "x" + TIME;
    }

    @Override
    public String sha256() {
      return "0".repeat(64);
    }
  }
}
