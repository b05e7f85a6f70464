package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.control.Policy;
import dev.outpost.tensor.io.JsonObject;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;

final class ControlCommandTest {
  @TempDir Path folder;

  private Object[] words(String what, String... more) {
    List<Object> all = new ArrayList<>(List.of("control", what, "--out", folder.resolve("c")));
    all.addAll(List.of("--devices", 3, "--rounds", 4, "--seeds", 2, "--iterations", 3));
    all.addAll(List.of("--threads", 1));
    all.addAll(Arrays.asList(more));
    return all.toArray();
  }

  @Test
  void trainsComparesAndShows() throws Exception {
    Shell.Outcome trained = Shell.ok(words("train", "--json"));
    assertThat(trained.lines().stream().filter(l -> "iteration".equals(l.value("event"))))
        .hasSize(6);
    Policy policy = Policy.read(folder.resolve("c/seed-42/policy.safetensors"));
    assertThat(policy.devices()).isEqualTo(3);
    assertThat(policy.about().integer("iterations")).isEqualTo(3);
    // Run again there is nothing left to do.
    assertThat(Shell.ok(words("train", "--json")).lines()).hasSize(1);

    Shell.Outcome compared = Shell.ok(words("compare", "--episodes", "2"));
    assertThat(compared.out())
        .contains("adaptive", "fixed, fitting", "random", "greedy", "Fed-FT", "of 2 seeds");
    List<JsonObject> lines = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("c/results.jsonl")))
      lines.add(JsonObject.parse("line", line));
    assertThat(lines).hasSize(2 * 9);
    for (JsonObject line : lines) {
      if (line.string("kind").equals("learning")) continue;
      assertThat(line.numbers("distance_by_round")).hasSize(4);
      assertThat(line.number("reward", 1)).isNegative();
    }
    String page = Files.readString(folder.resolve("c/index.html"));
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", false);
    Document document =
        factory
            .newDocumentBuilder()
            .parse(new ByteArrayInputStream(page.getBytes(StandardCharsets.UTF_8)));
    assertThat(document.getElementsByTagName("canvas").getLength()).isEqualTo(6);
    assertThat(document.getElementsByTagName("table").getLength()).isEqualTo(2);
    assertThat(page).doesNotContain("src=\"http").doesNotContain("href=\"http");

    String before = Files.readString(folder.resolve("c/results.jsonl"));
    Shell.ok(words("compare", "--episodes", "2"));
    assertThat(Files.readString(folder.resolve("c/results.jsonl"))).isEqualTo(before);
  }

  @Test
  void refusesWhatItCannotDoAndSaysWhy() throws Exception {
    refused(words("compare"), "0 of 3 iterations; run outpost control train");
    refused(words("train", "--preset", "gpt5"), "must be gpt2-xl or base, got gpt5");
    refused(words("train", "--tuning-speed", "5-1"), "--tuning-speed: must be two TFLOP/s");
    refused(words("train", "--tuning-speed", "fast"), "--tuning-speed: must be two TFLOP/s");
    refused(words("train", "--episodes", "0"), "--episodes: must be between 1");
    refused(words("train", "--curves", folder.resolve("no").toString()), "no such file");
    Shell.ok(words("train"));
    refused(words("train", "--preset", "base"), "was saved by a run with other settings");
    assertThat(Shell.run("control", "dance", "--out", folder).code()).isEqualTo(ExitCode.USAGE);
  }

  private static void refused(Object[] words, String why) {
    Shell.Outcome o = Shell.run(words);
    assertThat(o.code()).as(o.err()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains(why);
  }
}
