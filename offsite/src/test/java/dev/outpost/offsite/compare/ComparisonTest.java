package dev.outpost.offsite.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.offsite.app.Parties;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.data.TrainingData;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.text.TokenizerFiles;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Evenly;
import dev.outpost.transformer.train.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Plans of tiny models run to their end, whatever comes between. */
final class ComparisonTest {
  private static final String TRAINING =
      "{\"steps\": 4, \"batch\": 2, \"lr\": 1e-2, \"evaluate_every\": 2}";

  /** Two rows in ten are held back. */
  private static final Texts TEXTS =
      (text, tokenizer) -> {
        Blocks all = Blocks.of(tokenizer.encode(Files.readString(text.path())), text.block());
        int cut = all.count() * 8 / 10;
        return new TrainingData(all.slice(0, cut), all.slice(cut, all.count()));
      };

  @TempDir Path dir;
  private final Kernels kernels = Kernels.best(Team.of(1));

  @BeforeEach
  void parties() throws Exception {
    Parties.model(dir.resolve("model"), 1);
    Files.writeString(dir.resolve("public.txt"), Parties.PUBLIC);
    Files.writeString(dir.resolve("private.txt"), Parties.PRIVATE);
  }

  private static String plan(String recipes, String methods, String tasks, String seeds) {
    return """
    {"models": [{"name": "tiny", "path": "model"}],
     "public": {"path": "public.txt", "block": 16},
     "emulating": %s,
     "recipes": [%s], "methods": [%s], "tasks": [%s], "seeds": [%s]}\
    """
        .formatted(TRAINING, recipes, methods, tasks, seeds);
  }

  private static String small(String seeds) {
    return plan(
        "{\"name\": \"drop\", \"split\": \"1-1-1\"},"
            + "{\"name\": \"distilled\", \"split\": \"1-1-1\", \"steps\": [{\"step\": \"distill\"}]}",
        "{\"name\": \"full\"}",
        text("prose", TRAINING),
        seeds);
  }

  private static String text(String name, String tune) {
    return "{\"name\": \"%s\", \"path\": \"private.txt\", \"block\": 16, \"measured\": 9, \"tune\": %s}"
        .formatted(name, tune);
  }

  private ComparePlan read(String json) throws IOException {
    return ComparePlan.read(Files.writeString(dir.resolve("plan.json"), json), dir);
  }

  private Outcome run(String json, String out) throws IOException {
    return run(json, out, kernels, Watch.SILENT);
  }

  private Outcome run(String json, String out, Kernels on, Watch watch) throws IOException {
    return new Comparison(read(json), dir.resolve(out), TEXTS, on, watch).run();
  }

  /** Lines without what may differ between two runs. */
  private static List<String> told(Outcome o) {
    return o.lines().stream().map(l -> l.without("seconds").toLine()).toList();
  }

  private static List<JsonObject> cells(Outcome o) {
    return o.lines().stream().filter(l -> "cell".equals(l.value("kind"))).toList();
  }

  @Test
  void everyCellHasTheFiveNumbersAndASecondRunComputesNothing() throws Exception {
    StringBuilder questions = new StringBuilder();
    for (int i = 0; i < 30; i++)
      questions
          .append("{\"goal\": \"the owner keeps ")
          .append(i)
          .append("\", \"sol1\": \"the model\", \"sol2\": \"text; what travels\", \"label\": ")
          .append(i % 2)
          .append("}\n");
    Files.writeString(dir.resolve("questions.jsonl"), questions);
    String choices =
        "{\"name\": \"choices\", \"data\": \"questions.jsonl\", \"format\": \"piqa\", \"block\": 32,"
            + " \"validation\": 0.4, \"questions\": 5, \"tune\": "
            + TRAINING
            + "}";
    String json =
        plan(
            "{\"name\": \"drop\", \"split\": \"1-1-1\"}",
            "{\"name\": \"full\"}, {\"name\": \"lora\", \"rank\": 2, \"lr\": 0.02}",
            text("prose", TRAINING) + "," + choices,
            "1");
    Outcome first = run(json, "out");
    assertThat(first.failed()).isEmpty();
    assertThat(cells(first)).hasSize(4);
    double zeroShot;
    try (ModelFolder folder = ModelFolder.open(dir.resolve("model"))) {
      ComparePlan.Task.OfText prose = (ComparePlan.Task.OfText) read(json).tasks().getFirst();
      Blocks held =
          TEXTS.rows(prose.text(), TokenizerFiles.load(dir.resolve("model"))).validation();
      zeroShot =
          Perplexity.of(folder.model(), kernels, new Workspace(), Evenly.of(held, 9), 4).value();
    }
    for (JsonObject cell : cells(first)) {
      for (String setting : Summary.SETTINGS) {
        Figure f = Figure.read(cell.object(setting));
        assertThat(f.value()).as(setting).isNotNaN();
        assertThat(f.standardError()).as(setting).isNotNegative();
      }
      boolean prose = cell.string("task").equals("prose");
      assertThat(cell.string("metric")).isEqualTo(prose ? "perplexity" : "acc");
      if (prose) {
        assertThat(Figure.read(cell.object("full_zero_shot")).value())
            .isCloseTo(zeroShot, within(1e-4));
        assertThat(Figure.read(cell.object("emulator_tuned")).value())
            .isLessThan(Figure.read(cell.object("emulator_zero_shot")).value());
      }
      assertThat(cell.object("curve").value("train"))
          .asInstanceOf(InstanceOfAssertFactories.LIST)
          .hasSize(4);
      assertThat(cell.object("curve").value("validation"))
          .asInstanceOf(InstanceOfAssertFactories.LIST)
          .hasSize(2);
      assertThat(cell.integer("retained_blocks")).isEqualTo(1);
      assertThat(cell.integer("peak_workspace_bytes")).isPositive();
    }
    Outcome second = run(json, "out");
    assertThat(second.computed()).isZero();
    assertThat(told(second)).isEqualTo(told(first));
    // States of training are gone, the emulator stays for what the plan may add.
    try (Stream<Path> left = Files.list(dir.resolve("out").resolve("work"))) {
      assertThat(left.map(p -> p.getFileName().toString()))
          .allMatch(n -> n.startsWith("emulator-") || n.startsWith("data-"));
    }
  }

  /** Ends like a killed process at the n-th training step in all: nothing is saved after it. */
  private static final class Killed extends Error {
    private static final long serialVersionUID = 1L;
  }

  private static Watch ending(int step, boolean gently) {
    int[] steps = {0};
    return new Watch() {
      @Override
      public Progress training(String run) {
        return new Progress() {
          @Override
          public void step(Step s) {
            if (++steps[0] == step && !gently) throw new Killed();
          }

          @Override
          public boolean stopRequested() {
            return gently && steps[0] >= step;
          }
        };
      }
    };
  }

  @Test
  void aRunThatWasStoppedAndKilledEndsLikeOneThatWasNot() throws Exception {
    Outcome whole = run(small("1, 2"), "whole");
    assertThat(cells(whole)).hasSize(4);

    Outcome stopped = run(small("1, 2"), "broken", kernels, ending(3, true));
    assertThat(stopped.finished()).isFalse();
    assertThat(cells(stopped)).isEmpty();
    for (int step : new int[] {2, 3, 4, 7, 9})
      assertThatThrownBy(() -> run(small("1, 2"), "broken", kernels, ending(step, false)))
          .isInstanceOf(Killed.class);
    Files.writeString(
        dir.resolve("broken").resolve(Comparison.RESULTS),
        "{\"kind\": \"cell\", \"ke",
        java.nio.file.StandardOpenOption.APPEND);

    Outcome resumed = run(small("1, 2"), "broken");
    assertThat(resumed.finished()).isTrue();
    assertThat(resumed.computed()).isPositive().isLessThan(whole.computed());
    assertThat(told(resumed)).isEqualTo(told(whole));
  }

  @Test
  void threadsChangeNothing() throws Exception {
    Outcome one = run(small("1"), "one");
    try (Team team = Team.of(3)) {
      assertThat(told(run(small("1"), "three", Kernels.best(team), Watch.SILENT)))
          .isEqualTo(told(one));
    }
  }

  @Test
  void aChangedPlanComputesWhatChanged() throws Exception {
    Outcome first = run(small("1"), "out");
    // zero-shot, fine-tuning, two emulators, two cells
    assertThat(first.computed()).isEqualTo(6);
    assertThat(run(small("1").replace("\"drop\"", "\"renamed\""), "out"))
        .satisfies(o -> assertThat(o.computed()).isZero())
        .satisfies(o -> assertThat(cells(o).getFirst().string("recipe")).isEqualTo("renamed"));
    // Another seed: fine-tuning, the distilled emulator, two cells.
    assertThat(run(small("1, 2"), "out").computed()).isEqualTo(4);
    // Another method: two cells.
    String methods = "{\"name\": \"full\"}, {\"name\": \"bitfit\"}";
    assertThat(run(small("1").replace("{\"name\": \"full\"}", methods), "out").computed())
        .isEqualTo(2);
    // Another text: all but the drop's emulator and what learns from public text.
    Files.writeString(dir.resolve("private.txt"), Parties.PRIVATE.repeat(2));
    assertThat(run(small("1"), "out").computed()).isEqualTo(4);
    // Another model: everything.
    Parties.model(dir.resolve("model"), 2);
    assertThat(run(small("1"), "out").computed()).isEqualTo(6);
  }

  @Test
  void whatFailsIsToldAndTheOthersGoOn() throws Exception {
    String bad =
        "{\"name\": \"too many\", \"split\": \"1-1\","
            + " \"steps\": [{\"step\": \"layer-drop\", \"keep\": 9}]}";
    String good = "{\"name\": \"drop\", \"split\": \"1-1-1\"}";
    String json = plan(bad + "," + good, "{\"name\": \"full\"}", text("prose", TRAINING), "1");
    Outcome o = run(json, "out");
    assertThat(o.finished()).isTrue();
    assertThat(cells(o)).hasSize(1);
    assertThat(o.failed()).hasSize(2);
    assertThat(o.failed().getFirst().string("reason")).contains("layer-drop", "9");
    assertThat(o.failed().getLast().string("reason")).contains("emulator could not be made");
    assertThat(Files.readString(dir.resolve("out").resolve(Comparison.PAGE)))
        .contains("What failed", "too many", o.failed().getFirst().string("trace"));
    Path failures = dir.resolve("out").resolve(Comparison.FAILURES);
    for (JsonObject f : o.failed())
      assertThat(dir.resolve("out").resolve(f.string("trace")))
          .content()
          .contains(f.string("reason"), "\tat dev.outpost.offsite", "too many");
    assertThat(Files.readString(failures.resolve(o.failed().getFirst().string("key") + ".txt")))
        .contains("LayerDrop");
    // Tried again, since the cure may lie outside the plan.
    Outcome again = run(json, "out");
    assertThat(again.computed()).isZero();
    assertThat(again.failed()).hasSize(2);
  }
}
