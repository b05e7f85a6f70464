package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A comparison from the command line. */
final class CompareCommandTest {
  private static final String PLAN =
      """
      {"models": [{"name": "tiny", "path": "model"}],
       "recipes": [{"name": "drop", "split": "1-1-1"}],
       "methods": [{"name": "full"}, {"name": "lora", "rank": 2}],
       "tasks": [{"name": "prose", "path": "private.txt", "block": 16,
                  "tune": {"steps": 2, "batch": 1, "lr": 1e-3}}],
       "seeds": [1]}
      """;

  @TempDir Path dir;
  private Path plan;

  @BeforeEach
  void parties() throws Exception {
    Parties.model(dir.resolve("model"), 1);
    Parties.text(dir.resolve("private.txt"), Parties.PRIVATE);
    plan = Parties.text(dir.resolve("plan.json"), PLAN);
  }

  @Test
  void aPlanBecomesATableAPageAndLines() throws Exception {
    Path out = dir.resolve("results");
    Shell.Outcome first = Shell.ok("compare", "--plan", plan, "--out", out);
    assertThat(first.out())
        .contains("tiny, prose: perplexity (lower is better)", "emulator FT", "drop", "lora")
        .contains("5 results, 5 of them new", "index.html");
    assertThat(first.err()).contains("[5/5] tiny, prose, drop, lora, seed 1");
    assertThat(Files.readAllLines(out.resolve("results.jsonl"))).hasSize(5);
    assertThat(out.resolve("index.html")).isNotEmptyFile();

    // The same from elsewhere: nothing is new.
    Path moved = Parties.text(Files.createDirectory(dir.resolve("x")).resolve("p.json"), PLAN);
    Shell.Outcome again =
        Shell.ok("compare", "--plan", moved, "--data", dir, "--out", out, "--json");
    assertThat(again.result().integer("computed")).isZero();
    assertThat(again.result().integer("lines")).isEqualTo(5);
  }

  @Test
  void whatCannotBeComputedIsToldAndTheExitCodeSaysSo() throws Exception {
    Parties.text(plan, PLAN.replace("1-1-1", "3-1-3"));
    Shell.Outcome o = Shell.run("compare", "--plan", plan, "--out", dir.resolve("out"));
    assertThat(o.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains("emulator failed: ", "could not be made").doesNotContain("\tat ");
    assertThat(o.err()).contains("failures");
    try (java.util.stream.Stream<Path> traces = Files.list(dir.resolve("out/failures"))) {
      assertThat(traces).hasSize(3);
    }
  }

  @Test
  void aBadPlanIsRefusedBeforeAnythingIsWritten() throws Exception {
    Path out = dir.resolve("out");
    Parties.text(plan, PLAN.replace("\"lr\"", "\"rate\""));
    Shell.Outcome o = Shell.run("compare", "--plan", plan, "--out", out);
    assertThat(o.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains("tasks[0].tune: field rate is unknown").doesNotContain("\tat ");
    assertThat(out).doesNotExist();
  }
}
