package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Ctrl-C and too little memory, in a JVM of their own. */
@DisabledOnOs(OS.WINDOWS)
final class InterruptionTest {
  private static final int STEPS = 800;

  @TempDir Path dir;
  private Path pack;
  private Path text;

  @BeforeEach
  void aPackage() throws Exception {
    Path model = Parties.model(dir.resolve("model"), 1);
    text = Parties.text(dir.resolve("text.txt"), Parties.PRIVATE);
    pack = dir.resolve("package");
    Shell.ok("emulate", "--model", model, "--split", "1-1-1", "--out", pack);
  }

  private List<String> tune(Path out) {
    // Saves only at the end or when asked to stop, so that a state shows that the signal was heard.
    // A line per step, and more of them than a pipe holds: who does not read holds the process up.
    return List.of(
        "tune",
        "--json",
        "--package",
        pack.toString(),
        "--corpus",
        text.toString(),
        "--out",
        out.toString(),
        "--steps",
        "" + STEPS,
        "--batch",
        "1",
        "--lr",
        "0.01",
        "--lora",
        "2",
        "--lora-dropout",
        "0.1",
        "--save-every",
        "0",
        "--threads",
        "1");
  }

  private Process start(String option, List<String> words) throws IOException {
    List<String> all =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                option,
                "--add-modules",
                "jdk.incubator.vector"));
    all.addAll(
        List.of("-cp", System.getProperty("java.class.path"), "dev.outpost.offsite.app.Main"));
    all.addAll(words);
    return new ProcessBuilder(all).redirectErrorStream(true).start();
  }

  /** Reads what the process says until a line holds the word. */
  private static String until(BufferedReader said, String word) throws IOException {
    StringBuilder all = new StringBuilder();
    for (String line = said.readLine(); line != null; line = said.readLine()) {
      all.append(line).append('\n');
      if (line.contains(word)) return all.toString();
    }
    throw new AssertionError("never said \"" + word + "\": " + all);
  }

  private static void signal(String name, Process p) throws Exception {
    assertThat(new ProcessBuilder("kill", "-" + name, Long.toString(p.pid())).start().waitFor())
        .isZero();
  }

  @Test
  void ctrlCSavesAndTheSameCommandGoesOnBitForBit() throws Exception {
    Path straight = dir.resolve("straight");
    Shell.ok(tune(straight).toArray());

    Path stopped = dir.resolve("stopped");
    Process p = start("-XX:TieredStopAtLevel=1", tune(stopped));
    try (BufferedReader said = p.inputReader(StandardCharsets.UTF_8)) {
      until(said, "\"step\":6,");
      // The steps left fill the pipe, so that the signal meets them however late it is.
      signal("INT", p);
      String rest = until(said, "Run the same command to go on");
      assertThat(rest)
          .contains("stopping after this step; Ctrl-C again leaves at once")
          .contains("the state is saved in " + stopped + ".training");
    }
    assertThat(p.waitFor()).isEqualTo(130);
    assertThat(stopped).as("no half-made adapter").doesNotExist();
    assertThat(Parties.files(dir.resolve("stopped.training")))
        .contains("last.safetensors")
        .noneMatch(n -> n.endsWith(".tmp"));

    Shell.Outcome resumed = Shell.ok(tune(stopped).toArray());
    assertThat(resumed.out())
        .doesNotContain("\"step\":6,")
        .contains("\"step\":" + STEPS + ",", "\"event\":\"result\"");
    assertThat(
            Files.mismatch(
                stopped.resolve("adapter.safetensors"), straight.resolve("adapter.safetensors")))
        .as("first byte that differs")
        .isEqualTo(-1);
  }

  @Test
  void whoFindsTheRequestGoesOnWhenTheUserWasTold() throws Exception {
    Interruption i = new Interruption();
    CountDownLatch telling = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    AtomicBoolean told = new AtomicBoolean();
    assertThat(i.requested()).isFalse();
    i.gently(() -> {
      telling.countDown();
      try {
        go.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      told.set(true);
    });
    Thread handler = Thread.ofPlatform().start(() -> i.received(2));
    telling.await();
    FutureTask<Boolean> found = new FutureTask<>(() -> i.requested() && told.get());
    Thread finder = Thread.ofPlatform().start(found);
    // Held up by the teller, not by this test: it waits, or it has already answered wrongly.
    while (finder.getState() != Thread.State.BLOCKED && !found.isDone()) Thread.onSpinWait();
    go.countDown();
    assertThat(found.get()).isTrue();
    handler.join();
    assertThat(i.exitCode()).isEqualTo(130);
  }

  @Test
  void withNothingToSaveOneSignalEndsAtOnce() throws Exception {
    // Waits for its input forever: reading from a pipe that nobody fills.
    Path pipe = dir.resolve("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    Process p =
        start(
            "-XX:TieredStopAtLevel=1",
            List.of("evaluate", "--package", pack.toString(), "--corpus", pipe.toString()));
    try (BufferedReader said =
        new BufferedReader(new InputStreamReader(p.getInputStream(), StandardCharsets.UTF_8))) {
      // Opening for writing returns when the process has opened for reading: then it handles
      // signals.
      OutputStream writer = Files.newOutputStream(pipe);
      signal("TERM", p);
      assertThat(p.waitFor()).isEqualTo(143);
      writer.close();
      assertThat(said.lines().filter(l -> l.startsWith("outpost"))).isEmpty();
    }
  }

  @Test
  void tooLittleMemoryIsToldWithTheCure() throws Exception {
    Process p =
        start(
            "-Xmx24m",
            List.of(
                "pretrain",
                "--corpus",
                text.toString(),
                "--out",
                dir.resolve("large").toString(),
                "--vocab",
                "300",
                "--width",
                "1024",
                "--heads",
                "2",
                "--layers",
                "4",
                "--steps",
                "1"));
    String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(p.waitFor()).as(said).isEqualTo(ExitCode.MEMORY);
    assertThat(said)
        .contains(
            "outpost pretrain: out of memory: Java may take 24 MiB",
            "OUTPOST_JAVA_OPTS=-Xmx8g",
            "smaller --batch")
        .doesNotContain("\tat ");
    assertThat(dir.resolve("large")).doesNotExist();
  }
}
