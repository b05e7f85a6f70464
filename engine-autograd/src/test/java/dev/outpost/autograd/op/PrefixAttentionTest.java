package dev.outpost.autograd.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.GradCheck;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionScores;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import org.junit.jupiter.api.Test;

class PrefixAttentionTest {
  private static Tensor normal(long seed, int... dims) {
    return GradCheck.normal(seed, dims).tensor();
  }

  /** Where every query sees every key, it is one attention over both sets of keys. */
  @Test
  void isOneSoftmaxOverBothSetsOfKeys() {
    AttentionScores scores = new AttentionScores(0.6f, false, 0, 0, null);
    AttentionShape s = new AttentionShape(2, 5, 7, 4, 2, 3, scores);
    AttentionShape whole = new AttentionShape(2, 5, 10, 4, 2, 3, scores);
    Tensor keys = normal(4, 3, 6);
    Tensor values = normal(5, 3, 6);
    try (Team team = Team.of(2)) {
      for (Kernels kernels : new Kernels[] {Kernels.scalar(), Kernels.best(team)}) {
        Tape t = Tape.evaluating(kernels, new Workspace());
        Var q = t.constant(normal(1, 10, 12));
        Var k = t.constant(normal(2, 14, 6));
        Var v = t.constant(normal(3, 14, 6));
        float[] got =
            PrefixAttention.attention(t, s, q, k, v, t.constant(keys), t.constant(values))
                .value()
                .toArray();
        Var joinedKeys = Join.join(t, t.constant(twice(keys)), k, 2);
        Var joinedValues = Join.join(t, t.constant(twice(values)), v, 2);
        float[] want = Attention.attention(t, whole, q, joinedKeys, joinedValues).value().toArray();
        // Weighted means of numbers of about 1: a few roundings each.
        for (int i = 0; i < want.length; i++)
          assertThat(got[i]).as("%s %d", kernels.name(), i).isCloseTo(want[i], within(2e-6f));
      }
    }
  }

  @Test
  void aQueryThatSeesNoKeyOfItsOwnSeesThePrefix() {
    AttentionShape s = AttentionShape.causal(1, 2, 1, 2).withLengths(new int[] {0});
    Tape t = Tape.evaluating(Kernels.scalar(), new Workspace());
    Var x = t.constant(normal(1, 2, 2));
    Var value = t.constant(Tensor.of(dev.outpost.tensor.Shape.of(1, 2), 3, -4));
    Var out = PrefixAttention.attention(t, s, x, x, x, t.constant(normal(2, 1, 2)), value);
    assertThat(out.value().toArray()).containsExactly(3, -4, 3, -4);
  }

  @Test
  void aPrefixOfAnotherWidthIsRefused() {
    AttentionShape s = AttentionShape.causal(1, 2, 1, 2);
    Tape t = Tape.evaluating(Kernels.scalar(), new Workspace());
    Var x = t.constant(normal(1, 2, 2));
    Var wide = t.constant(normal(2, 1, 3));
    assertThatThrownBy(() -> PrefixAttention.attention(t, s, x, x, x, wide, wide))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("prefix keys");
  }

  private static Tensor twice(Tensor rows) {
    Tensor both = Tensor.zeros(2 * rows.rows(), rows.cols());
    both.slice(0, rows.rows()).copyFrom(rows);
    both.slice(rows.rows(), 2 * rows.rows()).copyFrom(rows);
    return both;
  }
}
