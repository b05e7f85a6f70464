package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EmulatorRecipeTest {
  @TempDir Path folder;

  private EmulatorRecipe file(String text) throws IOException {
    Path file = folder.resolve("recipe.json");
    Files.writeString(file, text);
    return EmulatorRecipe.read(file);
  }

  @Test
  void aFileAndTheCommandLineSayTheSame() throws Exception {
    EmulatorRecipe said =
        EmulatorRecipe.parse("2-8-2")
            .then(EmulatorSteps.read(StepSettings.parse("layer-keep:blocks=2+5")))
            .then(EmulatorSteps.read(StepSettings.parse("distill:kd=10,steps=50,lr=1e-4")));
    assertThat(said.describe().has("split")).isTrue();
    EmulatorRecipe read = file(said.describe().toText());
    assertThat(read).isEqualTo(said);
    assertThat(read.steps())
        .containsExactly(
            new LayerDrop(8),
            new LayerKeep(Set.of(2, 5)),
            new Distil(1, 10, StepTraining.of(50, 1e-4)));
    assertThat(read).hasToString("2-2, layer-drop, layer-keep, distill");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "layer-drop|step layer-drop: keep is missing; expected a whole number from 1",
        "layer-drop:keep=0|step layer-drop: keep must be from 1 to 1048576, got 0",
        "layer-drop:keep=x|step layer-drop: keep must be a number, got \"x\"",
        "layer-drop:keep=1.5|step layer-drop: keep must be a whole number, got 1.5",
        "layer-drop:keep=2,stride=3|step layer-drop: stride is unknown; this step knows [keep]",
        "layer-drop:keep|step layer-drop: settings read KEY=VALUE with commas between them, got \"keep\"",
        "layer-keep:blocks=-1|step layer-keep: blocks must be at least 0, got -1",
        "rank-compress|step rank-compress: ratio, energy, rank or beta must be given, one of them, such as ratio=0.25",
        "rank-compress:ratio=0.5,rank=3|step rank-compress: ratio, energy, rank or beta must be given, one of them, such as ratio=0.25",
        "rank-compress:ratio=0|step rank-compress: ratio must be above 0 and at most 1, got 0.0",
        "rank-compress:energy=1.5|step rank-compress: energy must be from 0 to 1, got 1.5",
        "rank-compress:beta=1|step rank-compress: beta must be between 0 and 1, got 1.0",
        "rank-compress:beta=0.8,beta-keeps=half|step rank-compress: beta-keeps must be one of [share, rest], got \"half\"",
        "rank-compress:ratio=0.5,beta-keeps=rest|step rank-compress: beta-keeps is unknown; this step knows [beta, energy, rank, ratio, targets]",
        "rank-compress:ratio=0.5,targets=head|step rank-compress: targets must be one of [attn, mlp, all], got \"head\"",
        "prune|step prune: ratio is missing; expected a number from 0 to 1",
        "prune:ratio=2|step prune: ratio must be from 0 to 1, got 2",
        "quantize|step quantize: bits or type must be given, one of them: bits=1 to 8, or type=q8_0 or q4_0",
        "quantize:bits=9|step quantize: bits must be from 1 to 8, got 9",
        "quantize:type=q5_0|step quantize: type must be one of [q8_0, q4_0], got \"q5_0\"",
        "distill:lm=0,kd=0|step distill: weights lm and kd must be 0 or more, finite, and not both 0; got 0.0 and 0.0"
      })
  void wrongSettingsAreNamed(String step, String message) {
    assertThatThrownBy(() -> EmulatorSteps.read(StepSettings.parse(step)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void anUnknownStepListsTheKnownOnes() {
    assertThatThrownBy(() -> EmulatorSteps.read(StepSettings.parse("magic")))
        .hasMessageStartingWith("step \"magic\" is unknown; there are ")
        .hasMessageContaining("layer-drop")
        .hasMessageContaining("distill");
  }

  @Test
  void aBadFileIsNamed() {
    assertThatThrownBy(() -> file("{\"split\":\"2-2\",\"steps\":[{\"step\":\"layer-drop\"}]}"))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("recipe.json: step layer-drop: keep is missing");
    assertThatThrownBy(() -> file("{\"split\":\"2-2\",\"stages\":[]}"))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("stages");
    assertThatThrownBy(() -> file("{\"split\":\"x\"}"))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("BOTTOM-TOP");
  }
}
