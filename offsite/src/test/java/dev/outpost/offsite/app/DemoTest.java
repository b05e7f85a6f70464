package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The story in miniature: two steps of everything. */
final class DemoTest {
  @Test
  void theDemoEndsWithTheFiveNumbersAndKeepsThePartiesApart(@TempDir Path dir) throws Exception {
    Path corpus = Files.createDirectory(dir.resolve("corpus"));
    for (int i = 0; i < 12; i++) Files.writeString(corpus.resolve(i + ".txt"), varied(i));
    Path out = dir.resolve("out");
    JsonObject last =
        Shell.ok("demo", "--corpus", corpus, "--effort", "0.001", "--out", out, "--json").result();

    assertThat(last.names())
        .contains(
            "full_zero_shot", "emulator_zero_shot", "emulator_tuned", "plug_in", "full_fine_tuned");
    for (String n :
        List.of(
            "full_zero_shot", "emulator_zero_shot", "emulator_tuned", "plug_in", "full_fine_tuned"))
      assertThat(last.number(n, -1)).as(n).isBetween(1.0, 1e6);

    assertThat(Parties.files(out)).containsExactly("data-owner", "owner");
    assertThat(Parties.files(out.resolve("data-owner"))).containsExactly("adapter", "package");
    assertThat(Parties.files(out.resolve("data-owner/adapter")))
        .containsExactly("adapter.safetensors", "manifest.json");
    assertThat(Parties.files(out.resolve("data-owner/package")))
        .isEqualTo(Parties.files(out.resolve("owner/package")));
    JsonObject sent = Shell.ok("inspect", out.resolve("data-owner/package"), "--json").result();
    assertThat(sent.strings("slots")).hasSizeLessThan((int) sent.integer("blocks_of_base"));
    assertThat(sent.object("recipe").objects("steps"))
        .extracting(step -> step.string("step"))
        .containsExactly("layer-drop", "distill");
  }

  private static String varied(int file) {
    StringBuilder s = new StringBuilder();
    for (int i = 0; i < 400; i++)
      s.append(Integer.toString((file * 7919 + i * 104729) % 46656, 36))
          .append(i % 9 == 0 ? "\n" : " ");
    return s.toString();
  }
}
