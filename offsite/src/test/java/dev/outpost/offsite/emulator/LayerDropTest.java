package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.offsite.split.Split;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LayerDropTest {
  /** The blocks that the released code keeps (Xiao et al. 2023), as indices of the full model. */
  @ParameterizedTest
  @CsvSource({
    "OPT-1.3B, 24, 2-8-2, 2 5 7 10 13 16 18 21",
    "GPT2-XL, 48, 2-16-2, 2 5 8 11 13 16 19 22 25 28 31 34 36 39 42 45",
    "OPT-6.7B, 32, 2-18-2, 2 4 5 7 8 10 12 13 15 16 18 19 21 23 24 26 27 29",
    "BLOOM-7.1B, 30, 2-12-2, 2 4 7 9 11 13 16 18 20 22 25 27"
  })
  void keepsTheBlocksOfThePaper(String name, int blocks, String split, String kept) {
    EmulatorRecipe r = EmulatorRecipe.parse(split);
    int bottom = r.split().bottom();
    int keep = ((LayerDrop) r.steps().getFirst()).keep();
    String got =
        Arrays.stream(LayerDrop.indices(blocks - bottom - r.split().top(), keep))
            .map(i -> i + bottom)
            .mapToObj(Integer::toString)
            .collect(Collectors.joining(" "));
    assertThat(got).as(name).isEqualTo(kept);
  }

  @Test
  void halvesRoundToEven() {
    // Stride 2.5: 0, 2.5, 5, 7.5, 10.
    assertThat(LayerDrop.indices(11, 5)).containsExactly(0, 2, 5, 8, 10);
    assertThat(LayerDrop.indices(4, 3)).containsExactly(0, 2, 3);
  }

  @Test
  void alwaysAscendsFromTheFirstToTheLast() {
    for (int m = 2; m <= 50; m++) {
      for (int k = 2; k <= m; k++) {
        int[] kept = LayerDrop.indices(m, k);
        assertThat(kept)
            .hasSize(k)
            .startsWith(0)
            .endsWith(m - 1)
            .isSorted()
            .doesNotHaveDuplicates();
      }
    }
    assertThat(LayerDrop.indices(9, 1)).containsExactly(0);
  }

  @Test
  void keepingAllDropsNothing() {
    List<Slot> slots = TinyModels.random(5, 1).slots();
    assertThat(new LayerDrop(5).apply(slots)).isEqualTo(slots);
  }

  @Test
  void keptSlotsKeepTheirNamesAndNumbers() {
    TransformerModel model = TinyModels.random(8, 1);
    Split split = Split.sandwich(model, 1, 1);
    List<Slot> kept = new LayerDrop(3).apply(split.middle());
    assertThat(kept).extracting(Slot::name).containsExactly("blocks.1", "blocks.3", "blocks.6");
    assertThat(kept.get(1)).isSameAs(model.slots().get(3));
  }

  @Test
  void stepsCompose() throws Exception {
    TransformerModel model = TinyModels.random(11, 1);
    assertThat(
            EmulatorRecipe.parse("1-5-1")
                .then(new LayerDrop(3))
                .make(model, Workshop.of(TinyModels.best(), 1))
                .middle())
        .extracting(Slot::name)
        .containsExactly("blocks.1", "blocks.5", "blocks.9");
  }

  @Test
  void tooManyOrTooFewAreRefused() {
    assertThatThrownBy(() -> LayerDrop.indices(4, 5))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("5 of 4");
    assertThatThrownBy(() -> new LayerDrop(0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() ->
            EmulatorRecipe.parse("2-9-2")
                .make(TinyModels.random(8, 1), Workshop.of(TinyModels.best(), 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("9 of 4");
    for (String bad : List.of("", "2-8-2-1", "a-b-c", "2--8-2", "2 8 2"))
      assertThatThrownBy(() -> EmulatorRecipe.parse(bad))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("2-8-2");
  }
}
