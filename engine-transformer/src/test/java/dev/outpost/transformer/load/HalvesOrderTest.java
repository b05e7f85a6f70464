package dev.outpost.transformer.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class HalvesOrderTest {
  private static final Spec.Positions NEIGHBOURS =
      new Spec.Positions.Rotary(100, 3).with(RotaryPairing.NEIGHBOURS);

  /** Heads of 6: the model turns nothing, its second layer all pairs, its third one of three. */
  private static final Spec MIXED =
      mixed(
          TinyModels.llama(3),
          new Spec.Positions.None(),
          List.of(
              Spec.Layer.FULL,
              new Spec.Layer(4, Optional.of(NEIGHBOURS)),
              new Spec.Layer(
                  0,
                  Optional.of(new Spec.Positions.Rotary(10, 1).with(RotaryPairing.NEIGHBOURS)))));

  @Test
  void eachLayerHasItsOwnPairs() {
    assertThat(rows("blocks.0.attn.q.weight", 6)).containsExactly(0, 1, 2, 3, 4, 5);
    assertThat(rows("blocks.1.attn.k.weight", 12))
        .containsExactly(0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11);
    assertThat(rows("blocks.2.attn.q.bias", 12))
        .containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    assertThat(rows("blocks.1.attn.q_norm.weight", 6)).containsExactly(0, 2, 4, 1, 3, 5);
    assertThat(rows("blocks.1.attn.v.weight", 6)).containsExactly(0, 1, 2, 3, 4, 5);
  }

  @Test
  void theChoicesOfEveryLayerBecomeHalves() {
    Spec halves = HalvesOrder.of(MIXED);
    assertThat(halves.positions(0)).isEqualTo(new Spec.Positions.None());
    assertThat(halves.layer(1))
        .isEqualTo(new Spec.Layer(4, Optional.of(new Spec.Positions.Rotary(100, 3))));
    assertThat(halves.positions(2)).isEqualTo(new Spec.Positions.Rotary(10, 1));
    assertThat(halves.with(RotaryPairing.NEIGHBOURS)).isEqualTo(MIXED);
    assertThat(HalvesOrder.of(halves)).isSameAs(halves);
  }

  @Test
  void oneProjectionForAllIsRefused() {
    Spec gpt2 = TinyModels.spec(2).with(new Spec.Positions.Rotary(100, 4));
    assertThat(HalvesOrder.of(gpt2)).isSameAs(gpt2);
    assertThatThrownBy(() -> HalvesOrder.of(gpt2.with(RotaryPairing.NEIGHBOURS)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("queries, keys and values are one projection");
  }

  /** Which row comes to each place. */
  private static float[] rows(String name, int n) {
    Tensor t = Tensor.zeros(Shape.of(n));
    for (int i = 0; i < n; i++) t.data()[i] = i;
    return HalvesOrder.of(MIXED, name, HeapWeight.of(t)).toTensor().toArray();
  }

  private static Spec mixed(Spec s, Spec.Positions positions, List<Spec.Layer> pattern) {
    return new Spec(
        s.family(),
        s.vocabularySize(),
        s.context(),
        s.width(),
        s.layers(),
        s.embedding(),
        s.attention(),
        s.feedForward(),
        s.norms(),
        positions,
        pattern,
        s.head(),
        s.layout());
  }
}
