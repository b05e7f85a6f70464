package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.LayerRanking;
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

class ScaleOtTest {
  private final TransformerModel full = TinyModels.random(8, 3);
  @TempDir Path dir;
  private Path ranking;

  @BeforeEach
  void ranked() throws Exception {
    ranking = dir.resolve("ranking");
    new LayerRanking(
            BaseFingerprint.of(full),
            4,
            List.of(0.1, 0.4, -0.1, 0.2, 0.3, -0.5, -0.4, 0.0),
            IntStream.range(0, 8).mapToObj(i -> Harmonizer.fresh("blocks." + i, 16, 3, 7)).toList(),
            JsonObject.create(),
            List.of())
        .write(ranking);
  }

  @ParameterizedTest
  @CsvSource({"4, ENDS, 2-2", "3, ENDS, 2-1", "1, ENDS, 1-0", "3, TOP, '1,3,4'"})
  void theTripletIsASplitAndTwoSteps(int adapters, ScaleOt.Where where, String split)
      throws Exception {
    EmulatorRecipe recipe = ScaleOt.parse(adapters + ", 0.25, 0.8", ranking, where).recipe();
    assertThat(recipe).hasToString(split + ", layer-replace, rank-compress");
    assertThat(recipe.steps().getFirst()).isEqualTo(LayerReplace.of(ranking, 0.25));
    assertThat(recipe.steps().getLast().describe().number("beta", 0)).isEqualTo(0.8);
  }

  @Test
  void aRecipeFileMayHoldTheTriplet() throws Exception {
    Path file = dir.resolve("recipe.json");
    JsonObject said =
        JsonObject.create().put("scaleot", "2,0.5,0.8").put("ranking", ranking.toString());
    said.write(file);
    assertThat(EmulatorRecipe.read(file))
        .isEqualTo(ScaleOt.parse("2,0.5,0.8", ranking, ScaleOt.Where.ENDS).recipe());
    said.put("adapters", "top").write(file);
    assertThat(EmulatorRecipe.read(file).split()).hasToString("1,4");
    said.put("adapters", "all").write(file);
    assertThatThrownBy(() -> EmulatorRecipe.read(file))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("adapters must be ends or top");
    Files.writeString(file, "{\"scaleot\": \"2,0.5,0.8\", \"split\": \"1-1\", \"ranking\": \"r\"}");
    assertThatThrownBy(() -> EmulatorRecipe.read(file)).hasMessageContaining("leave one out");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "4,0.25|must read ADAPTERS,ALPHA,BETA",
        "4,x,0.8|must read ADAPTERS,ALPHA,BETA",
        "0,0.25,0.8|at least 1",
        "4,1.25,0.8|alpha must be from 0 to 1",
        "4,0.25,0|beta must be between 0 and 1"
      })
  void aWrongTripletIsNamed(String triplet, String message) {
    assertThatThrownBy(() -> ScaleOt.parse(triplet, ranking, ScaleOt.Where.ENDS))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("scaleot: ")
        .hasMessageContaining(message);
  }
}
