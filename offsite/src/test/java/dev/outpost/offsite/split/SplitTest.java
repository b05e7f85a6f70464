package dev.outpost.offsite.split;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.LayerDrop;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SplitTest {
  private final TransformerModel model = TinyModels.random(5, 1);

  @Test
  void cutsTheStackInThree() {
    Split s = Split.sandwich(model, 1, 2);
    assertThat(s.middle()).extracting(Slot::name).containsExactly("blocks.1", "blocks.2");
    assertThat(s.adapterSlots()).containsExactly("blocks.0", "blocks.3", "blocks.4");
    assertThat(s.around(s.middle())).isEqualTo(model.slots());
  }

  @Test
  void oneSideMayBeEmpty() {
    assertThat(Split.sandwich(model, 0, 2).adapterSlots()).containsExactly("blocks.3", "blocks.4");
    assertThat(Split.sandwich(model, 4, 0).middle())
        .extracting(Slot::name)
        .containsExactly("blocks.4");
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "-1, 2", "2, -1", "3, 2", "5, 0", "9, 9"})
  void aSplitNeedsAnAdapterAndAMiddle(int bottom, int top) {
    assertThatThrownBy(() -> Split.sandwich(model, bottom, top))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("split: ");
  }

  @ParameterizedTest
  @CsvSource({
    "blocks.1.mlp.up.weight, true",
    "blocks.1.attn.qkv.lora_a.weight, true",
    "blocks.10.mlp.up.weight, false",
    "blocks.11.mlp.up.weight, false",
    "embed.token.weight, false",
    "norm.weight, false",
    "head.weight, false"
  })
  void knowsWhoseAParameterIs(String parameter, boolean owned) {
    assertThat(Split.owns(Set.of("blocks.1"), parameter)).isEqualTo(owned);
  }

  /**
   * GPT2-XL, 2-16-2 (Xiao et al. 2023): counted from the shapes alone, the model being too large
   * for a test.
   */
  @Test
  void countsOfThePapersLargestGpt2() {
    Spec xl = Gpt2.spec(50257, 1024, 1600, 48, 25, 6400, UnaryMap.GELU_TANH, 1e-5f, true);
    EmulatorRecipe r = EmulatorRecipe.parse("2-16-2");
    assertThat(xl.blockParameters()).isEqualTo(30_740_800);
    assertThat((r.split().bottom() + r.split().top()) * xl.blockParameters())
        .isEqualTo(122_963_200);
    assertThat(((LayerDrop) r.steps().getFirst()).keep() * xl.blockParameters())
        .isEqualTo(491_852_800);
    assertThat(xl.parameters()).isEqualTo(1_557_611_200);
    // What is shipped: 45 % of the full model.
    assertThat(xl.parameters() - 28 * xl.blockParameters()).isEqualTo(696_868_800);
  }

  @Test
  void anEmulatorHasTheParametersOfItsBlocks() throws Exception {
    TransformerModel emulated =
        EmulatorRecipe.parse("1-2-1").make(model, Workshop.of(TinyModels.best(), 1)).model();
    long block = model.spec().blockParameters();
    assertThat(emulated.count(false)).isEqualTo(model.count(false) - block);
    Set<String> adapter = Split.sandwich(model, 1, 1).adapterSlots();
    assertThat(emulated.trainable(name -> Split.owns(adapter, name)).count(true))
        .isEqualTo(2 * block);
  }

  @Test
  void anyBlocksMayBeTheAdapter() throws Exception {
    Split s = SplitPlan.parse("1,3").of(model);
    assertThat(s.adapterSlots()).containsExactly("blocks.1", "blocks.3");
    assertThat(s.middle())
        .extracting(Slot::name)
        .containsExactly("blocks.0", "blocks.2", "blocks.4");
    assertThat(s.segments(s.middle()).keySet()).containsExactly(0, 1, 2);
    assertThat(s.around(s.middle().subList(1, 2)))
        .extracting(Slot::name)
        .containsExactly("blocks.1", "blocks.2", "blocks.3");
    assertThat(SplitPlan.parse("1,3")).hasToString("1,3");
    assertThatThrownBy(() -> SplitPlan.parse("1,9").of(model))
        .hasMessage("split: the model has no slots [blocks.9]");
    assertThat(SplitPlan.parse("0,1,2,3,4").of(model).middle())
        .as("the whole model is tuned, and nothing is left to compress")
        .isEmpty();
    assertThatThrownBy(() -> SplitPlan.parse("3-2").of(model))
        .hasMessageContaining("leave no middle");
    EmulatorRecipe whole = EmulatorRecipe.parse("0,1,2,3,4");
    Workshop shop = Workshop.of(TinyModels.best(), 1);
    assertThat(whole.make(model, shop).model().slots()).hasSize(5);
    assertThatThrownBy(() -> whole.then(new LayerDrop(1)).make(model, shop))
        .hasMessageContaining("all 5 blocks are the adapter, so step layer-drop has nothing");
  }
}
