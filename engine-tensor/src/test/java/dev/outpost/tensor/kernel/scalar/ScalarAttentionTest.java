package dev.outpost.tensor.kernel.scalar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionScores;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScalarAttentionTest {
  private static final int DIM = 3;
  private static final float[] SLOPES = {0.5f, 0.1f};

  private final Kernels kernels = Kernels.scalar();

  /** The definition, one pair of query and key at a time, with a mask of its own. */
  @ParameterizedTest
  @CsvSource({
    "5, 5, true, 0, 0, false, 5",
    "5, 8, true, 0, 0, false, 8",
    "4, 7, false, 0, 0, false, 7",
    "7, 4, false, 0, 0, false, 4",
    "6, 6, true, 2, 0, false, 6",
    "3, 9, true, 4, 0, false, 9",
    "6, 6, false, 2, 0, false, 6",
    "9, 4, false, 2, 0, true, 4",
    "6, 6, true, 0, 0.8, false, 6",
    "6, 6, true, 0, 0, true, 6",
    "2, 8, true, 0, 0, true, 8",
    "6, 6, false, 0, 0, false, 4",
    "6, 6, false, 0, 0, false, 0",
    "1, 9, true, 3, 0.8, true, 5",
    "8, 9, true, 3, 0.8, true, 4"
  })
  void isTheSoftmaxOfTheVisibleScores(
      int queries, int keys, boolean causal, int window, float cap, boolean slopes, int length) {
    AttentionScores scores = new AttentionScores(0.7f, causal, window, cap, slopes ? SLOPES : null);
    AttentionShape s =
        new AttentionShape(1, queries, keys, 2, 1, DIM, scores).withLengths(new int[] {length});
    Tensor q = noise(1, queries, 2 * DIM);
    Tensor k = noise(2, keys, DIM);
    Tensor v = noise(3, keys, DIM);
    Tensor out = noise(4, queries, 2 * DIM);
    Tensor lse = noise(5, 1, 2, queries);
    kernels.attention(
        s,
        HeadView.of(q, queries, 0),
        HeadView.of(k, keys, 0),
        HeadView.of(v, keys, 0),
        HeadView.of(out, queries, 0),
        lse);
    for (int h = 0; h < 2; h++)
      for (int t = 0; t < queries; t++) {
        int i = keys - queries + t;
        double sum = 0;
        double[] want = new double[DIM];
        for (int j = 0; j < keys; j++) {
          boolean seen = j < length;
          if (causal) seen &= j <= i;
          if (window > 0) seen &= j > i - window;
          if (window > 0) seen &= j < i + window;
          if (!seen) continue;
          double x = 0;
          for (int d = 0; d < DIM; d++)
            x += 0.7 * q.get((t * 2 + h) * DIM + d) * k.get(j * DIM + d);
          if (cap > 0) x = cap * Math.tanh(x / cap);
          if (slopes) x -= SLOPES[h] * (i - j);
          sum += Math.exp(x);
          for (int d = 0; d < DIM; d++) want[d] += Math.exp(x) * v.get(j * DIM + d);
        }
        for (int d = 0; d < DIM; d++)
          assertThat((double) out.get((t * 2 + h) * DIM + d))
              .isCloseTo(sum == 0 ? 0 : want[d] / sum, within(1e-6));
        float logSum = lse.get(h * queries + t);
        if (sum == 0) assertThat(logSum).isEqualTo(Float.NEGATIVE_INFINITY);
        else assertThat((double) logSum).isCloseTo(Math.log(sum), within(1e-6));
      }
  }

  @Test
  void whatSeesNothingAndWhatIsNotSeenHasGradientZero() {
    AttentionShape s =
        new AttentionShape(1, 4, 4, 1, 1, DIM, AttentionScores.causal(DIM).withWindow(1))
            .withLengths(new int[] {2});
    HeadView q = HeadView.of(noise(1, 4, DIM), 4, 0);
    HeadView k = HeadView.of(noise(2, 4, DIM), 4, 0);
    Tensor out = noise(3, 4, DIM);
    Tensor lse = noise(4, 1, 1, 4);
    HeadView outs = HeadView.of(out, 4, 0);
    kernels.attention(s, q, k, k, outs, lse);
    Tensor[] d = {noise(5, 4, DIM), noise(6, 4, DIM), noise(7, 4, DIM)};
    HeadView dout = HeadView.of(noise(8, 4, DIM), 4, 0);
    kernels.attentionBackward(
        s,
        q,
        k,
        k,
        outs,
        lse,
        dout,
        HeadView.of(d[0], 4, 0),
        HeadView.of(d[1], 4, 0),
        HeadView.of(d[2], 4, 0));
    for (Tensor x : new Tensor[] {out, d[0], d[1], d[2]})
      assertThat(Arrays.copyOfRange(x.toArray(), 2 * DIM, 4 * DIM)).containsOnly(0);
    // A query that sees one key only returns its value.
    assertThat(out.get(0)).isEqualTo(k.data()[0]);
    assertThat(d[2].get(0)).isEqualTo(dout.data()[0]);
  }

  @Test
  void slopesFallByHalvesAndInterleaveBeyondAPowerOfTwo() {
    assertThat(AttentionScores.alibi(8))
        .containsExactly(1 / 2f, 1 / 4f, 1 / 8f, 1 / 16f, 1 / 32f, 1 / 64f, 1 / 128f, 1 / 256f);
    assertThat(AttentionScores.alibi(3)).containsExactly(1 / 16f, 1 / 256f, 1 / 4f);
    assertThat(AttentionScores.alibi(1)).containsExactly(1 / 256f);
  }

  @Test
  void refusesWhatDoesNotFit() {
    AttentionScores causal = AttentionScores.causal(4);
    assertThatThrownBy(() -> causal.withWindow(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("window");
    assertThatThrownBy(() -> causal.withSoftcap(Float.NaN))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("cap");
    assertThatThrownBy(() -> AttentionScores.alibi(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("heads");
    assertThatThrownBy(() -> new AttentionShape(1, 2, 2, 2, 2, 4, causal.withSlopes(new float[3])))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("a slope per head");
    AttentionShape s = AttentionShape.causal(2, 5, 1, 4);
    assertThatThrownBy(() -> s.withLengths(new int[] {5}))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("a length per sequence");
    assertThatThrownBy(() -> s.withLengths(new int[] {5, 6}))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("lengths must be within");
    assertThatThrownBy(() -> s.withLengths(new int[] {5, -1}))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("lengths must be within");
  }

  private static Tensor noise(long seed, int... dims) {
    Random random = new Random(seed);
    Tensor t = Tensor.zeros(dims);
    for (int i = 0; i < t.size(); i++) t.data()[i] = (float) random.nextGaussian();
    return t;
  }
}
