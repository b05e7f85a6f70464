package dev.outpost.transformer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class EvenlyTest {
  private final Blocks ten = Blocks.of(IntStream.range(0, 40).toArray(), 4);

  @Test
  void takesFromAllPartsOfTheText() {
    Examples four = Evenly.of(ten, 4);
    assertThat(four.count()).isEqualTo(4);
    int[] first = {0, 8, 20, 28}; // of rows 0, 2, 5 and 7; targets are one on
    for (int i = 0; i < 4; i++)
      assertThat(four.batch(new int[] {i}).targets()).startsWith(first[i] + 1).hasSize(4);
    assertThat(four.extent()).isEqualTo("4 of " + ten.extent());
  }

  @Test
  void isTheTextItselfWhereThatHasNoMore() {
    assertThat(Evenly.of(ten, 0)).isSameAs(ten);
    assertThat(Evenly.of(ten, 10)).isSameAs(ten);
    assertThatThrownBy(() -> new Evenly(ten, 10))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("must be 1 to 9 of 10, got 10");
  }
}
