package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.train.Blocks;
import java.util.List;
import org.junit.jupiter.api.Test;

class LeaveOneOutTest {
  private final Kernels kernels = TinyModels.best();

  @Test
  void aBlockThatSaysNothingIsNotMissed() {
    TransformerModel model = DynamicLayerReplaceTest.deaf(TinyModels.random(5, 2), 3);
    Blocks text = Blocks.of(TinyModels.tokens(6 * 8, 23, 1), 8);
    LeaveOneOut measured = LeaveOneOut.of(model, kernels, text, 4);
    assertThat(measured.without()).hasSize(5);
    assertThat(measured.full())
        .isEqualTo(Perplexity.of(model, kernels, new Workspace(), text, 4).meanLoss());
    for (int i = 0; i < 5; i++) {
      double missed = Math.abs(measured.without().get(i) - measured.full());
      if (i == 3) assertThat(missed).isLessThan(1e-4);
      else assertThat(missed).isGreaterThan(1e-3);
    }
  }

  /** By hand: ranks 1 2 3 4 against 2 1 4 3 differ by 4 squares in all, 1 − 6·4/(4·15). */
  @Test
  void agreementIsSpearmans() {
    LeaveOneOut m = new LeaveOneOut(3, List.of(3.1, 3.2, 3.9, 7.0));
    assertThat(m.agreement(List.of(-1.0, 0.0, 0.1, 0.2))).isCloseTo(1, within(1e-12));
    assertThat(m.agreement(List.of(4.0, 3.0, 2.0, 1.0))).isCloseTo(-1, within(1e-12));
    assertThat(m.agreement(List.of(2.0, 1.0, 4.0, 3.0))).isCloseTo(0.6, within(1e-12));
    // Ties share ranks 1.5 and 3.5: as scipy.stats.spearmanr([1, 1, 2, 2], …).
    assertThat(m.agreement(List.of(1.0, 1.0, 2.0, 2.0)))
        .isCloseTo(0.8944271909999159, within(1e-12));
    assertThatThrownBy(() -> m.agreement(List.of(1.0)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void withinGroupsTheGroupsOwnLevelDoesNotCount() {
    LeaveOneOut m = new LeaveOneOut(3, List.of(9.0, 9.2, 3.0, 3.1));
    List<Double> scores = List.of(-0.2, 0.2, -0.1, 0.1);
    assertThat(m.agreement(scores)).isLessThan(0.5);
    assertThat(m.agreementInGroups(scores, 2)).isCloseTo(1, within(1e-12));
  }
}
