package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code evaluate --task} and {@code tune --task}. */
final class EvaluateTaskTest {
  @TempDir Path home;

  private Path piqa() throws IOException {
    return Files.write(
        home.resolve("piqa.jsonl"),
        IntStream.range(0, 8)
            .mapToObj(i ->
                "{\"goal\":\"the "
                    + i
                    + "\",\"sol1\":\"model\",\"sol2\":\"the text\",\"label\":"
                    + i % 2
                    + "}")
            .toList());
  }

  @Test
  void aBenchmarkIsMeasuredAndLogged() throws Exception {
    Path model = Parties.model(home.resolve("model"), 7);
    Object[] words = {
      "evaluate",
      "--model",
      model,
      "--task",
      "piqa",
      "--data",
      piqa(),
      "--limit",
      6,
      "--samples",
      home.resolve("log.jsonl"),
      "--json"
    };
    JsonObject r = Shell.ok(words).result();
    assertThat(r.string("task")).isEqualTo("piqa");
    assertThat(r.integer("samples")).isEqualTo(6);
    assertThat(r.number("acc", -1)).isBetween(0.0, 1.0);
    assertThat(r.number("acc_norm_stderr", -1)).isBetween(0.0, 0.5);
    List<String> log = Files.readAllLines(home.resolve("log.jsonl"));
    assertThat(log).hasSize(6);
    JsonObject first = JsonObject.parse("log", log.getFirst());
    assertThat(first.string("context")).isEqualTo("Question: the 0\nAnswer:");
    assertThat((List<?>) first.value("log_likelihoods")).hasSize(2);
    assertThat(Shell.ok(words).result().number("acc", -1)).isEqualTo(r.number("acc", -2));
    words[words.length - 1] = "--quiet";
    assertThat(Shell.ok(words).out()).containsPattern("piqa +acc_norm +[01][.]\\d{4} ± 0[.]\\d{4}");
  }

  @Test
  void anAdapterLearnsABenchmark() throws Exception {
    Path model = Parties.model(home.resolve("model"), 7);
    Shell.ok("emulate", "--model", model, "--split", "1-1-1", "--out", home.resolve("package"));
    Shell.Outcome o =
        Shell.ok(
            "tune",
            "--package",
            home.resolve("package"),
            "--task",
            "piqa",
            "--data",
            piqa(),
            "--out",
            home.resolve("adapter"),
            "--steps",
            2);
    assertThat(o.err()).contains("on 7 blocks of");
    JsonObject r =
        Shell.ok(
                "evaluate",
                "--package",
                home.resolve("package"),
                "--adapter",
                home.resolve("adapter"),
                "--task",
                "piqa",
                "--data",
                piqa(),
                "--json")
            .result();
    assertThat(r.integer("samples")).isEqualTo(8);
  }

  @Test
  void whatDoesNotFitIsRefused() throws Exception {
    Path model = Parties.model(home.resolve("model"), 7);
    refused("--task: needs --data", model, "--task", "piqa");
    refused("--limit: needs --task", model, "--limit", 3, "--corpus", piqa());
    refused("--limit: must be at least 1", model, "--limit", 0, "--task", "piqa", "--data", piqa());
    refused(
        "takes the place of --corpus",
        model,
        "--task",
        "piqa",
        "--data",
        piqa(),
        "--corpus",
        piqa());
    refused("task boolq: must be one of", model, "--task", "boolq", "--data", piqa());
    refused(
        "line 1: field question_stem is missing", model, "--task", "openbookqa", "--data", piqa());
    refused("cannot be drawn from 8", model, "--task", "piqa", "--data", piqa(), "--shots", 8);
    refused(
        "--shots-data: needs --shots",
        model,
        "--task",
        "piqa",
        "--data",
        piqa(),
        "--shots-data",
        piqa());
    Path long_ =
        Files.writeString(
            home.resolve("long.jsonl"),
            "{\"goal\":\"g\",\"sol1\":\"" + "qz".repeat(40) + "\",\"sol2\":\"b\",\"label\":1}\n");
    refused("the model's context of 32", model, "--task", "piqa", "--data", long_);
  }

  private static void refused(String message, Path model, Object... words) {
    Object[] all = new Object[words.length + 3];
    all[0] = "evaluate";
    all[1] = "--model";
    all[2] = model;
    System.arraycopy(words, 0, all, 3, words.length);
    Shell.Outcome o = Shell.run(all);
    assertThat(o.err()).contains(message);
    assertThat(o.code()).isEqualTo(ExitCode.REFUSED);
  }
}
