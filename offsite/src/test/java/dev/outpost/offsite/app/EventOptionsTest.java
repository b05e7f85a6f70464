package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.transformer.train.Progress;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EventOptionsTest {
  @TempDir Path dir;

  private final StringWriter said = new StringWriter();
  private final Console console =
      new Console(new PrintWriter(said), new PrintWriter(said), false, false, Terminal.NONE);

  private EventOptions.Events events(@Nullable Path folder) {
    EventOptions o = new EventOptions();
    o.folder = folder;
    return o.open(console);
  }

  private static Progress.Step step(int n) {
    return new Progress.Step(n, 9, 2.5, 1e-3f, 0.5, 64, 1 << 20);
  }

  private static List<Path> files(Path folder) throws Exception {
    try (Stream<Path> s = Files.list(folder)) {
      return s.sorted().toList();
    }
  }

  private static String text(Path file) throws Exception {
    return Files.readString(file, StandardCharsets.ISO_8859_1);
  }

  @Test
  void everyFigureOfAStepIsTold() throws Exception {
    Path folder = dir.resolve("events");
    List<String> heard = new ArrayList<>();
    Progress other =
        new Progress() {
          @Override
          public void step(Step s) {
            heard.add("step " + s.step());
          }

          @Override
          public void evaluated(int step, double meanLoss, boolean best) {
            heard.add("evaluated " + step + " " + best);
          }

          @Override
          public boolean stopRequested() {
            return true;
          }
        };
    try (EventOptions.Events events = events(folder)) {
      assertThat(folder).as("before there is a figure").doesNotExist();
      Progress both = events.beside(other);
      both.step(step(4));
      both.evaluated(4, 2, true);
      assertThat(both.stopRequested()).isTrue();
    }
    assertThat(heard).containsExactly("step 4", "evaluated 4 true");
    assertThat(files(folder)).hasSize(1);
    assertThat(text(files(folder).getFirst()))
        .contains("brain.Event:2", "training/loss", "training/learning_rate")
        .contains("training/gradient_norm", "training/workspace_mib")
        .contains("validation/loss", "validation/perplexity");
  }

  @Test
  void withoutTheOptionNothingStandsBetween() {
    try (EventOptions.Events events = events(null)) {
      assertThat(events.beside(Progress.SILENT)).isSameAs(Progress.SILENT);
      events.add(1, "a", 1);
    }
    assertThat(said.toString()).isEmpty();
  }

  @Test
  void whatCannotBeWrittenIsSaidOnceAndEndsNoRun() throws Exception {
    Path folder = dir.resolve("taken");
    try (EventOptions.Events events = events(folder)) {
      Files.writeString(folder, "a file that came between");
      Progress both = events.beside(Progress.SILENT);
      both.step(step(1));
      both.step(step(2));
    }
    assertThat(said.toString().lines())
        .singleElement()
        .asString()
        .startsWith("--tensorboard: goes on without event files: ")
        .contains("taken");
  }

  @Test
  void aFileIsRefusedBeforeTheRun() throws Exception {
    Path file = Files.writeString(dir.resolve("taken"), "text");
    assertThatThrownBy(() -> events(file))
        .isInstanceOf(BadInput.class)
        .hasMessageContaining("--tensorboard: ")
        .hasMessageContaining("is a file");
  }
}
