package dev.outpost.transformer.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class BatchOrderTest {
  @Test
  void everyEpochHasEveryBlockOnceInAnotherOrder() {
    BatchOrder order = new BatchOrder(10, 1);
    int[] first = order.take(0, 10);
    int[] second = order.take(10, 10);
    assertThat(first).containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5, 6, 7, 8, 9).isNotEqualTo(second);
    assertThat(second).containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
  }

  @Test
  void isAFunctionOfSeedAndPositionAlone() {
    int[] all = new BatchOrder(7, 3).take(0, 70);
    for (int from = 0; from < 60; from++)
      assertThat(new BatchOrder(7, 3).take(from, 10))
          .isEqualTo(Arrays.copyOfRange(all, from, from + 10));
    assertThat(new BatchOrder(7, 4).take(0, 70)).isNotEqualTo(all);
  }
}
