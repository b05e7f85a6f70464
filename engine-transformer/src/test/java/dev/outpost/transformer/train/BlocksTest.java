package dev.outpost.transformer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BlocksTest {
  private final int[] tokens = IntStream.range(100, 111).toArray();
  private final Blocks blocks = Blocks.of(tokens, 4);

  @Test
  void dropsTheRemainder() {
    assertThat(blocks.count()).isEqualTo(2);
    assertThat(blocks.length()).isEqualTo(4);
  }

  @Test
  void eachTokenPredictsTheNextOfItsOwnBlock() {
    assertThat(blocks.ids(new int[] {1, 0}))
        .containsExactly(104, 105, 106, 107, 100, 101, 102, 103);
    assertThat(blocks.targets(new int[] {1, 0}))
        .containsExactly(105, 106, 107, -1, 101, 102, 103, -1);
  }

  @Test
  void theLastBlockMayEndWithTheText() {
    Blocks exact = Blocks.of(IntStream.range(0, 8).toArray(), 4);
    assertThat(exact.count()).isEqualTo(2);
    assertThat(exact.targets(new int[] {1})).containsExactly(5, 6, 7, -1);
  }

  @Test
  void aSliceIsItsBlocks() {
    assertThat(blocks.slice(1, 2).count()).isEqualTo(1);
    assertThat(blocks.slice(1, 2).ids(new int[] {0})).containsExactly(104, 105, 106, 107);
    assertThatThrownBy(() -> blocks.slice(1, 1)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void laterChangesOfTheTokensAreNotSeen() {
    tokens[0] = 7;
    assertThat(blocks.ids(new int[] {0})).startsWith(100);
  }

  @Test
  void theDigestTellsTextsApart() {
    int[] other = tokens.clone();
    other[7]++;
    int[] sameBlocks = tokens.clone();
    sameBlocks[8]++;
    assertThat(Blocks.of(other, 4).sha256()).hasSize(64).isNotEqualTo(blocks.sha256());
    assertThat(Blocks.of(sameBlocks, 4).sha256()).isEqualTo(blocks.sha256());
  }

  @Test
  void tooLittleTextIsRefusedWithTheCure() {
    assertThatThrownBy(() -> Blocks.of(new int[3], 4))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("3 tokens", "block of 4", "more text or a shorter block");
    assertThatThrownBy(() -> Blocks.of(new int[0], 4)).hasMessageContaining("0 tokens");
    assertThatThrownBy(() -> Blocks.of(new int[3], 1)).hasMessageContaining("at least 2");
  }
}
