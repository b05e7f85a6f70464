package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.transformer.train.Progress;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TrainingBarTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private Console console(boolean json, boolean quiet, Terminal terminal) {
    return new Console(new PrintWriter(out), new PrintWriter(err), json, quiet, terminal);
  }

  private static void train(TrainingBar bar, int steps) {
    for (int i = 1; i <= steps; i++) {
      bar.step(new Progress.Step(i, steps, 7.123456, 1e-3f, 1, 4096, 123L << 20));
      if (i % 100 == 0) bar.evaluated(i, 8.8, true);
    }
  }

  /** What a terminal shows of one stream: the text between the codes that take a line back. */
  private static List<String> drawn(String text) {
    return Arrays.stream(text.split("\r\u001b\\[K|\n")).filter(l -> !l.isEmpty()).toList();
  }

  @ParameterizedTest
  @ValueSource(ints = {20, 55, 80, 100, 200})
  void theMovingLineNeverWraps(int columns) {
    train(
        new TrainingBar(
            console(false, false, new Terminal(true, columns)), "fine-tune", () -> false),
        2000);
    List<String> moving =
        Arrays.stream(err.toString().split("\r\u001b\\[K"))
            .filter(l -> !l.isEmpty() && !l.endsWith("\n"))
            .toList();
    assertThat(moving).isNotEmpty().allMatch(l -> l.codePointCount(0, l.length()) < columns);
  }

  @Test
  void eightyColumnsHoldLossRateTimeLeftAndMemory() {
    TrainingBar bar =
        new TrainingBar(console(false, false, new Terminal(true, 80)), "pre-train", () -> false);
    bar.evaluated(0, 8.8, true);
    bar.step(new Progress.Step(500, 1000, 7.123456, 1e-3f, 1, 4096, 0));
    assertThat(drawn(err.toString()))
        .singleElement()
        .asString()
        .contains("500/1000", "loss 7.123", "val 6634.24", "tok/s", " left", " MiB");
  }

  @Test
  void withoutATerminalALineEveryTenth() {
    train(new TrainingBar(console(false, false, Terminal.NONE), "tune", () -> false), 200);
    assertThat(err.toString().lines()).hasSize(10);
    assertThat(err.toString())
        .doesNotContain("\u001b")
        .doesNotContain("\r")
        .contains("━".repeat(24) + " 200/200");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void quietShowsNothing() {
    train(new TrainingBar(console(false, true, new Terminal(true, 80)), "tune", () -> false), 20);
    assertThat(out.toString() + err).isEmpty();
  }

  @Test
  void jsonIsALinePerStepAndValidation() {
    train(new TrainingBar(console(true, false, Terminal.NONE), "tune", () -> false), 200);
    assertThat(new Shell.Outcome(0, out.toString(), "").lines())
        .hasSize(202)
        .allMatch(l -> "tune".equals(l.value("run")));
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void aNoteTakesTheMovingLineAwayFirst() {
    Console c = console(false, false, new Terminal(true, 80));
    c.bar("moving");
    c.note("a note");
    c.bar("x".repeat(100));
    c.clearBar();
    c.clearBar();
    String nl = System.lineSeparator();
    assertThat(err)
        .hasToString(
            "\r\u001b[Kmoving\r\u001b[Ka note" + nl + "\r\u001b[K" + "x".repeat(79) + "\r\u001b[K");
  }

  @Test
  void timesAreReadable() {
    assertThat(TrainingBar.time(3.4)).isEqualTo("3 s");
    assertThat(TrainingBar.time(59.6)).isEqualTo("1:00 min");
    assertThat(TrainingBar.time(3725)).isEqualTo("62:05 min");
    assertThat(TrainingBar.count(873.2)).isEqualTo("873");
    assertThat(TrainingBar.count(999.7)).isEqualTo("1.0k");
    assertThat(TrainingBar.count(12_345)).isEqualTo("12.3k");
    assertThat(TrainingBar.count(999_999)).isEqualTo("1.0M");
  }
}
