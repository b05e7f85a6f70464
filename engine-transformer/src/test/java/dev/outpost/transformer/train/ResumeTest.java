package dev.outpost.transformer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.optim.Schedule;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run that ends anywhere and is resumed ends with the bits of a run that never ended. */
class ResumeTest {
  private static final int STEPS = 7;
  private static final Blocks TRAIN = Blocks.of(TinyModels.tokens(5 * 8, 23, 1), 8);
  private static final Blocks VALIDATION = Blocks.of(TinyModels.tokens(2 * 8, 23, 2), 8);
  private static final Map<String, String> IDENTITY = Map.of("base", "abc");

  @TempDir private Path temporary;
  private static Map<String, float[]> want;
  private static Trainer.Result wanted;

  /**
   * Dropout, accumulation, a schedule, clipping, several validations: everything that has a state.
   */
  private static TrainingPlan plan(int saveEvery) {
    return new TrainingPlan(
        STEPS, 2, 2, 0.02f, new Schedule.Cosine(2, STEPS), 0.1f, 1, 2, saveEvery, 5, true);
  }

  private static TransformerModel model() {
    LoraConfig config = new LoraConfig(2, 4, 0.2f, LoraConfig.ALL_PROJECTIONS);
    return Attach.lora(TinyModels.random(2, 1), Set.of("blocks.0", "blocks.1"), config, 1);
  }

  @BeforeAll
  static void uninterrupted() {
    TransformerModel model = model();
    wanted = trainer(model, plan(0)).run(Progress.SILENT);
    want = TinyModels.numbers(model);
  }

  @Test
  void keepingTheRunOnDiskChangesNoBit() throws IOException {
    TransformerModel model = model();
    Trainer.Result result = trainer(model, plan(3)).run(temporary, IDENTITY, Progress.SILENT);
    assertThat(result).isEqualTo(wanted);
    TrainerTest.assertSameBits(TinyModels.numbers(model), want);
  }

  @Test
  void stoppedAfterAnyStepItResumesToTheSameBits() throws IOException {
    for (int stop = 1; stop < STEPS; stop++) {
      Path folder = temporary.resolve("stop-" + stop);
      Trainer.Result first = trainer(model(), plan(0)).run(folder, IDENTITY, new StopAfter(stop));
      assertThat(first.finished()).isFalse();
      assertThat(first.steps()).isEqualTo(stop);
      TransformerModel model = model();
      List<Integer> seen = new ArrayList<>();
      Trainer.Result second = trainer(model, plan(0)).run(folder, IDENTITY, recording(seen));
      assertThat(seen.getFirst()).isEqualTo(stop + 1);
      assertThat(second).isEqualTo(wanted);
      TrainerTest.assertSameBits(TinyModels.numbers(model), want);
    }
  }

  @Test
  void killedAfterAnyStepItResumesFromTheLastSavedState() throws IOException {
    for (int kill = 1; kill <= STEPS; kill++) {
      Path folder = temporary.resolve("kill-" + kill);
      Trainer victim = trainer(model(), plan(3));
      KillAfter killer = new KillAfter(kill);
      assertThatThrownBy(() -> victim.run(folder, IDENTITY, killer)).isSameAs(killer.death);
      TransformerModel model = model();
      List<Integer> seen = new ArrayList<>();
      Trainer.Result second = trainer(model, plan(3)).run(folder, IDENTITY, recording(seen));
      assertThat(seen.getFirst()).isEqualTo((kill - 1) / 3 * 3 + 1);
      assertThat(second).isEqualTo(wanted);
      TrainerTest.assertSameBits(TinyModels.numbers(model), want);
    }
  }

  @Test
  void stoppedAgainAndAgainItResumesToTheSameBits() throws IOException {
    Trainer.Result result;
    TransformerModel model;
    int runs = 0;
    do {
      model = model();
      int stop = ++runs;
      result = trainer(model, plan(0)).run(temporary, IDENTITY, new StopAfter(stop));
    } while (!result.finished());
    assertThat(runs).isEqualTo(STEPS);
    assertThat(result).isEqualTo(wanted);
    TrainerTest.assertSameBits(TinyModels.numbers(model), want);
  }

  @Test
  void aFinishedRunGivesItsResultAgainWithoutTraining() throws IOException {
    trainer(model(), plan(0)).run(temporary, IDENTITY, Progress.SILENT);
    TransformerModel model = model();
    List<Integer> seen = new ArrayList<>();
    assertThat(trainer(model, plan(0)).run(temporary, IDENTITY, recording(seen))).isEqualTo(wanted);
    assertThat(seen).isEmpty();
    TrainerTest.assertSameBits(TinyModels.numbers(model), want);
  }

  @Test
  void savingMoreOftenIsNoOtherRun() throws IOException {
    trainer(model(), plan(0)).run(temporary, IDENTITY, new StopAfter(2));
    TransformerModel model = model();
    assertThat(trainer(model, plan(1)).run(temporary, IDENTITY, Progress.SILENT)).isEqualTo(wanted);
    TrainerTest.assertSameBits(TinyModels.numbers(model), want);
  }

  @Test
  void otherSettingsAreRefusedByName() throws IOException {
    trainer(model(), plan(0)).run(temporary, IDENTITY, new StopAfter(2));
    TrainingPlan p = plan(0);
    refused(
        trainer(
            model(), new TrainingPlan(STEPS, 2, 2, 0.03f, p.schedule(), 0.1f, 1, 2, 0, 6, true)),
        IDENTITY,
        "learning_rate was 0.02, now 0.03",
        "seed was 5, now 6");
    refused(trainer(model(), p), Map.of("base", "xyz"), "base was abc, now xyz");
    refused(trainer(model(), p), Map.of(), "base was abc, now absent");
    refused(trainer(model(), p), Map.of("base", "abc", "more", "1"), "more was absent, now 1");
  }

  @Test
  void otherTextOfTheSameLengthIsRefused() throws IOException {
    trainer(model(), plan(0)).run(temporary, IDENTITY, new StopAfter(2));
    Blocks other = Blocks.of(TinyModels.tokens(5 * 8, 23, 3), 8);
    refused(
        new Trainer(
            model(), Objective.languageModel(), other, VALIDATION, plan(0), TinyModels.best()),
        IDENTITY,
        "train_tokens_sha256");
    refused(
        new Trainer(model(), Objective.languageModel(), TRAIN, null, plan(0), TinyModels.best()),
        IDENTITY,
        "validation_blocks was 2x8, now none");
  }

  @Test
  void otherParametersAreRefusedAndLeftAsTheyWere() throws IOException {
    trainer(model(), plan(0)).run(temporary, IDENTITY, new StopAfter(2));
    TransformerModel other = TinyModels.random(2, 1).trainable(any -> true);
    Map<String, float[]> before = TinyModels.numbers(other);
    refused(
        trainer(other, plan(0)), IDENTITY, "blocks.0.attn.qkv.lora_a.weight", "the model trains");
    TrainerTest.assertSameBits(TinyModels.numbers(other), before);
  }

  @Test
  void aDamagedStateIsRefused() throws IOException {
    trainer(model(), plan(0)).run(temporary, IDENTITY, new StopAfter(2));
    Path last = temporary.resolve("last.safetensors");
    byte[] bytes = Files.readAllBytes(last);
    Files.write(last, java.util.Arrays.copyOf(bytes, bytes.length - 1));
    refused(trainer(model(), plan(0)), IDENTITY, "last.safetensors");
    Files.writeString(last, "no state");
    refused(trainer(model(), plan(0)), IDENTITY, "last.safetensors");
  }

  @Test
  void aBestOfAnEarlierRunIsNotTakenForThisOnes() throws IOException {
    // As if an earlier run had been killed between its first validation and its first saved state.
    Path best = temporary.resolve("best.safetensors");
    trainer(model(), plan(0)).run(temporary, IDENTITY, Progress.SILENT);
    Files.delete(temporary.resolve("last.safetensors"));
    assertThat(best).exists();
    TransformerModel model = model();
    TrainingPlan none =
        new TrainingPlan(0, 2, 2, 0.02f, new Schedule.Constant(0), 0, 1, 2, 0, 5, true);
    Map<String, float[]> before = TinyModels.numbers(model);
    trainer(model, none).run(temporary, IDENTITY, Progress.SILENT);
    TrainerTest.assertSameBits(TinyModels.numbers(model), before);
  }

  @Test
  void leavesNoTemporaryFiles() throws IOException {
    trainer(model(), plan(1)).run(temporary, IDENTITY, Progress.SILENT);
    try (Stream<Path> files = Files.list(temporary)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder("last.safetensors", "best.safetensors");
    }
  }

  private void refused(Trainer trainer, Map<String, String> identity, String... parts) {
    assertThatThrownBy(() -> trainer.run(temporary, identity, Progress.SILENT))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(temporary.toString())
        .hasMessageContainingAll(parts);
  }

  private static Trainer trainer(TransformerModel model, TrainingPlan plan) {
    return new Trainer(
        model, Objective.languageModel(), TRAIN, VALIDATION, plan, TinyModels.best());
  }

  private static Progress recording(List<Integer> steps) {
    return new Progress() {
      @Override
      public void step(Step step) {
        steps.add(step.step());
      }
    };
  }

  /** Asks for an end after one step. */
  static final class StopAfter implements Progress {
    private final int stop;
    private int at;

    StopAfter(int stop) {
      this.stop = stop;
    }

    @Override
    public void step(Step step) {
      at = step.step();
    }

    @Override
    public boolean stopRequested() {
      return at >= stop;
    }
  }

  /**
   * Ends the run in the middle of a step, as a crash does: after the update, before anything is
   * saved.
   */
  private static final class KillAfter implements Progress {
    private final RuntimeException death = new RuntimeException("killed");
    private final int kill;

    KillAfter(int kill) {
      this.kill = kill;
    }

    @Override
    public void step(Step step) {
      if (step.step() == kill) throw death;
    }
  }
}
