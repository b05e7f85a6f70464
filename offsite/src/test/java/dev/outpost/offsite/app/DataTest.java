package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands that learn from examples. */
final class DataTest {
  @TempDir Path home;

  private Path pairs() throws IOException {
    return Files.write(
        home.resolve("pairs.jsonl"),
        IntStream.range(0, 60)
            .mapToObj(i -> "{\"prompt\":\"the other " + i + "\",\"completion\":\" owner\"}")
            .toList());
  }

  @Test
  void tuneLearnsFromExamplesAndIsResumed() throws Exception {
    Path model = Parties.model(home.resolve("model"), 7);
    Shell.ok("emulate", "--model", model, "--split", "1-1-1", "--out", home.resolve("package"));
    Object[] words = {
      "tune",
      "--package",
      home.resolve("package"),
      "--data",
      pairs(),
      "--out",
      home.resolve("adapter"),
      "--steps",
      "60",
      "--lr",
      "0.02",
      "--json"
    };
    Shell.Outcome o = Shell.ok(words);
    assertThat(o.err()).contains("blocks of 16 tokens");
    List<Double> losses = new ArrayList<>();
    for (JsonObject line : o.lines())
      if ("step".equals(line.value("event"))) losses.add(line.number("loss", -1));
    // Always the same word after the same prompt.
    assertThat(losses).hasSize(60);
    assertThat(losses.getLast()).isBetween(0.0, losses.getFirst() - 0.1);
    assertThat(Parties.files(home.resolve("adapter")))
        .containsExactly("adapter.safetensors", "manifest.json");
    assertThat(Parties.files(home.resolve("adapter.training")))
        .filteredOn(f -> f.endsWith(".tokens"))
        .hasSize(2);
    String first = Files.readString(home.resolve("adapter").resolve("manifest.json"));
    Shell.ok(words);
    assertThat(home.resolve("adapter").resolve("manifest.json")).hasContent(first);
  }

  @Test
  void pretrainLearnsFromExamplesWithAFileOfTheirOwnToValidate() throws Exception {
    Path other =
        Files.writeString(
            home.resolve("v.jsonl"),
            "{\"messages\":[{\"role\":\"user\",\"content\":\"the\"},"
                + "{\"role\":\"assistant\",\"content\":\"owner\"}]}\n");
    Shell.Outcome o =
        Shell.ok(
            "pretrain",
            "--data",
            pairs(),
            "--validation-data",
            other,
            "--chat-template",
            "chatml",
            "--packing",
            "whole",
            "--out",
            home.resolve("model"),
            "--layers",
            1,
            "--width",
            16,
            "--heads",
            2,
            "--context",
            64,
            "--vocab",
            262,
            "--steps",
            2);
    assertThat(o.err()).contains("blocks of 64 tokens");
    assertThat(home.resolve("model").resolve("config.json")).exists();
  }

  @Test
  void whatCannotBeLearnedFromIsRefused() throws Exception {
    Path model = Parties.model(home.resolve("model"), 7);
    Shell.ok("emulate", "--model", model, "--split", "1-1-1", "--out", home.resolve("package"));
    refused("--data: takes the place of --corpus", "--data", pairs(), "--corpus", pairs());
    refused("--packing: needs --data", "--packing", "one", "--corpus", pairs());
    refused("--validation-data: needs --data", "--validation-data", pairs());
    refused("--chat-template: needs --data", "--chat-template", "chatml");
    refused("none.jsonl: no such file", "--data", home.resolve("none.jsonl"));
    Path bad = Files.writeString(home.resolve("bad.jsonl"), "{\"text\":\"a\"}\n{\"txt\":\"b\"}\n");
    refused("bad.jsonl line 2: field text is missing", "--data", bad);
    Path chat = Files.writeString(home.resolve("c.jsonl"), "{\"messages\":[]}\n");
    refused("c.jsonl line 1: field messages needs a chat template", "--data", chat);
  }

  private void refused(String message, Object... words) {
    Object[] all = new Object[words.length + 5];
    System.arraycopy(
        new Object[] {
          "tune", "--package", home.resolve("package"), "--out", home.resolve("adapter")
        },
        0,
        all,
        0,
        5);
    System.arraycopy(words, 0, all, 5, words.length);
    Shell.Outcome o = Shell.run(all);
    assertThat(o.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains(message);
  }
}
