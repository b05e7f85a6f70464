package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.artifact.LayerRanking;
import dev.outpost.tensor.io.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** ScaleOT from the command line: rank once, make emulators from it. */
final class RankCommandTest {
  @TempDir Path dir;
  private Path model;
  private Path text;

  @BeforeEach
  void parties() throws Exception {
    model = Parties.model(dir.resolve("model"), 6, 1);
    text = Parties.text(dir.resolve("public.txt"), Parties.PUBLIC);
  }

  private Object[] rank(Path out, Object... more) {
    List<Object> words =
        new java.util.ArrayList<>(
            List.of("rank", "--model", model, "--corpus", text, "--out", out, "--steps", 3));
    words.addAll(List.of("--batch", 2, "--rank", 4));
    words.addAll(List.of(more));
    return words.toArray();
  }

  @Test
  void aRankingServesEmulatorsThatAreTunedAndPlugged() throws Exception {
    Path ranking = dir.resolve("ranking");
    Shell.Outcome shown = Shell.ok(rank(ranking, "--check"));
    assertThat(shown.out())
        .contains("block", "score", "importance", "perplexity without", "blocks.0", "blocks.5")
        .contains("━", "rank correlation", "ranking written to " + ranking);
    assertThat(Parties.files(ranking)).containsExactly("harmonizers.safetensors", "ranking.json");

    // The run is finished: asked again, it only tells.
    JsonObject told = Shell.ok(rank(ranking, "--json")).result();
    assertThat(told.numbers("scores")).hasSize(6);
    assertThat(told.numbers("importance")).allMatch(p -> p > 0.4 && p < 0.6);
    assertThat(told.number("half_perplexity", 0)).isPositive();

    JsonObject seen = Shell.ok("inspect", ranking, "--json").result();
    assertThat(seen.string("kind")).isEqualTo("ranking");
    assertThat(seen.numbers("scores")).isEqualTo(told.numbers("scores"));
    assertThat(seen.object("settings").integer("steps")).isEqualTo(3);
    assertThat(Shell.ok("inspect", ranking).out()).contains("base_fingerprint");

    for (String alpha : List.of("0.25", "0.75")) {
      Path pack = dir.resolve("package-" + alpha);
      Shell.ok(
          "emulate",
          "--model",
          model,
          "--split",
          "1-1",
          "--out",
          pack,
          "--step",
          "layer-replace:ranking=" + ranking + ",alpha=" + alpha);
      Path adapter = dir.resolve("adapter-" + alpha);
      Shell.ok(
          "tune",
          "--package",
          pack,
          "--corpus",
          text,
          "--out",
          adapter,
          "--steps",
          1,
          "--batch",
          1);
      Shell.ok(
          "plug", "--model", model, "--adapter", adapter, "--out", dir.resolve("tuned-" + alpha));
    }
    Path other = Parties.model(dir.resolve("other"), 6, 2);
    Shell.Outcome refused =
        Shell.run(
            "emulate",
            "--model",
            other,
            "--split",
            "1-1",
            "--out",
            dir.resolve("none"),
            "--step",
            "layer-replace:ranking=" + ranking);
    assertThat(refused.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(refused.err()).contains("was learned on base").doesNotContain("\tat ");
  }

  @Test
  void theTripletMakesAPackage() throws Exception {
    Path ranking = dir.resolve("ranking");
    Path pack = dir.resolve("triplet");
    Shell.ok(rank(ranking));
    Object[] words = {
      "emulate",
      "--model",
      model,
      "--scaleot",
      "2,0.5,0.8",
      "--ranking",
      ranking,
      "--out",
      pack,
      "--json"
    };
    JsonObject made = Shell.ok(words).result();
    assertThat(made.string("split")).isEqualTo("1-1, layer-replace, rank-compress");
    assertThat(made.strings("slots")).hasSize(6);
    JsonObject recipe = Shell.ok("inspect", pack, "--json").result().object("recipe");
    // The data owner need not know where the owner keeps things.
    assertThat(recipe.objects("steps").getFirst().string("ranking"))
        .isEqualTo("" + ranking.getFileName());
    assertThat(recipe.objects("steps").getFirst().string("ranking-sha256"))
        .isEqualTo(LayerRanking.sha256(ranking));
  }

  @Test
  void whatIsWrongIsToldBeforeAnythingIsWritten() throws Exception {
    Path out = dir.resolve("out");
    refuses(rank(out, "--group", 1), "--group: must be at least 2, got 1");
    refuses(rank(out, "--candidates", 1), "--candidates: must be at least 2");
    refuses(rank(out, "--score-rate", 0), "--score-rate: must be above 0");
    refuses(rank(model), "is also read from");
    Path other = Parties.model(dir.resolve("other"), 1, 2);
    refuses(rank(other), "holds a model; choose another folder for a ranking");
    Object[] emulate = {"emulate", "--model", model, "--out", out, "--scaleot", "2,0.5,0.8"};
    refuses(emulate, "--ranking: is missing");
    refuses(with(emulate, "--split", "1-1"), "--scaleot: takes the place of --split");
    Object[] step = {"emulate", "--model", model, "--out", out, "--split", "1-1", "--step"};
    Path none = dir.resolve("none");
    refuses(with(step, "layer-replace:ranking=" + none), "ranking.json: no such file");
    model = other;
    refuses(rank(out), "has one block");
    assertThat(Files.exists(out)).isFalse();
  }

  private static Object[] with(Object[] words, Object... more) {
    return java.util.stream.Stream.concat(
            java.util.Arrays.stream(words), java.util.Arrays.stream(more))
        .toArray();
  }

  private static void refuses(Object[] words, String message) {
    Shell.Outcome o = Shell.run(words);
    assertThat(o.code()).as(o.err()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains(message).doesNotContain("\tat ");
  }
}
