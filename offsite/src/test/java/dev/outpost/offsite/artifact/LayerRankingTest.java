package dev.outpost.offsite.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.offsite.emulator.Harmonizer;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LayerRankingTest {
  private final TransformerModel full = TinyModels.random(4, 3);
  private final LayerRanking ranking =
      new LayerRanking(
          BaseFingerprint.of(full),
          4,
          List.of(0.5, -0.25, 1e-17, -0.25),
          IntStream.range(0, 4).mapToObj(i -> Harmonizer.fresh("blocks." + i, 16, 3, 7)).toList(),
          JsonObject.create().put("steps", 2).put("learning_rate", 1e-3f),
          List.of(
              new LayerRanking.Point(1, 3.5, 3.6, Double.NaN, List.of(0.0, 0.0, 0.1, 0.0)),
              new LayerRanking.Point(2, 3.4, 3.5, 3.45, List.of(0.5, -0.25, 1e-17, -0.25))));

  @TempDir Path folder;

  @BeforeEach
  void written() throws Exception {
    ranking.write(folder);
  }

  @Test
  void comesBackAsItWas() throws Exception {
    LayerRanking read = LayerRanking.read(folder);
    assertThat(read.base()).isEqualTo(ranking.base());
    assertThat(read.group()).isEqualTo(4);
    assertThat(read.scores()).isEqualTo(ranking.scores());
    assertThat(read.history()).isEqualTo(ranking.history());
    assertThat(read.settings().toLine()).isEqualTo(ranking.settings().toLine());
    for (int i = 0; i < 4; i++) {
      assertThat(read.harmonizers().get(i).rank()).isEqualTo(3);
      assertThat(weights(read.harmonizers().get(i)))
          .isEqualTo(weights(ranking.harmonizers().get(i)));
    }
    read.requireBase(full);
    assertThat(read.importance().get(2)).isEqualTo(0.5);
    assertThat(read.importance().getFirst()).isGreaterThan(0.6);
  }

  private static List<Float> weights(Harmonizer h) {
    List<Float> all = new java.util.ArrayList<>();
    h.visit(
        "x",
        (name, p) -> {
          for (float v : p.weight().toTensor().toArray()) all.add(v);
        });
    return all;
  }

  @Test
  void anotherBaseIsRefused() {
    assertThatThrownBy(() -> ranking.requireBase(TinyModels.random(4, 4)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("ranking: was learned on base " + ranking.base().brief())
        .hasMessageContaining("rank this model");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"outpost-ranking\"|\"outpost-package\"|format",
        "\"version\" : 1|\"version\" : 2|version",
        "-0.25, 1.0E-17, -0.25 ],\\n  \"settings\"|-0.25, 1.0E-17 ],\\n  \"settings\"|one per block",
        "[ 0.5, -0.25|[ \"best\", -0.25|scores",
        "\"rank\" : 3|\"rank\" : 4|shape",
        "\"width\" : 16|\"width\" : 0|width",
        "\"group\" : 4|\"group\" : 1|group",
        "\"step\" : 1,|\"step\" : 0,|step",
        "\"settings\"|\"set\"|settings"
      })
  void aRankingThatLiesIsRefused(String from, String to, String field) throws Exception {
    Path file = folder.resolve("ranking.json");
    String good = Files.readString(file);
    String is = from.replace("\\n", "\n");
    assertThat(good).contains(is);
    Files.writeString(file, good.replace(is, to.replace("\\n", "\n")));
    assertThatThrownBy(() -> LayerRanking.read(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(field);
  }

  @Test
  void damagedOrMissingHarmonizersAreRefused() throws Exception {
    Path file = folder.resolve("harmonizers.safetensors");
    byte[] good = Files.readAllBytes(file);
    good[good.length - 1] ^= 1;
    Files.write(file, good);
    assertThatThrownBy(() -> LayerRanking.read(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("SHA-256");
    Files.delete(file);
    assertThatThrownBy(() -> LayerRanking.read(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("copy the whole folder");
    Files.delete(folder.resolve("ranking.json"));
    assertThatThrownBy(() -> LayerRanking.read(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("ranking.json: no such file");
  }

  @Test
  void scoresAndHarmonizersMustBeOfTheSameBlocks() {
    assertThatThrownBy(() ->
            new LayerRanking(
                ranking.base(),
                4,
                List.of(1.0, 2.0),
                ranking.harmonizers(),
                ranking.settings(),
                List.of()))
        .hasMessageContaining("2 scores and 4 harmonizers");
  }
}
