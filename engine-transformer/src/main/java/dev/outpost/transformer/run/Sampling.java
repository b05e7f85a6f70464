package dev.outpost.transformer.run;

import dev.outpost.tensor.random.RandomStream;
import java.util.Arrays;

/**
 * How the next token is chosen from its scores. The order of the reference: temperature, then
 * top-k, then top-p.
 *
 * @param temperature 0 takes the best token (greedy); otherwise scores are divided by it
 * @param topK keep the k best, 0 for all
 * @param topP keep the fewest tokens whose probabilities reach p, 1 for all
 */
public record Sampling(float temperature, int topK, float topP) {
  public Sampling {
    if (!(temperature >= 0) || Float.isInfinite(temperature))
      throw new IllegalArgumentException(
          "sampling: temperature must be 0 or more, got " + temperature);
    if (topK < 0)
      throw new IllegalArgumentException("sampling: top-k must be 0 (off) or more, got " + topK);
    if (!(topP > 0 && topP <= 1))
      throw new IllegalArgumentException("sampling: top-p must be in (0, 1], got " + topP);
  }

  /** Always the best token; the lowest id among equals. */
  public static Sampling greedy() {
    return new Sampling(0, 0, 1);
  }

  /**
   * The chosen id.
   *
   * @throws ArithmeticException when a score is NaN
   */
  public int choose(float[] scores, RandomStream random) {
    for (int i = 0; i < scores.length; i++)
      if (Float.isNaN(scores[i]))
        throw new ArithmeticException(
            "sampling: the score of token "
                + i
                + " is NaN; the model's weights are damaged or its training diverged");
    if (temperature == 0) return best(scores);
    long[] order = order(scores);
    int kept = topK == 0 ? order.length : Math.min(topK, order.length);
    double[] p = new double[kept];
    double top = scores[(int) order[0]];
    double sum = 0;
    for (int i = 0; i < kept; i++)
      sum += p[i] = Math.exp((scores[(int) order[i]] - top) / temperature);
    if (topP < 1) {
      double reached = 0;
      int n = 0;
      while (n < kept && reached < topP * sum) reached += p[n++];
      kept = Math.max(1, n);
      sum = reached;
    }
    double draw = random.nextFloat() * sum;
    for (int i = 0; i < kept; i++) {
      draw -= p[i];
      if (draw < 0) return (int) order[i];
    }
    return (int) order[kept - 1];
  }

  /**
   * Best score first, the lowest id first among equals: the id in the lower half of a number whose
   * upper half falls as the score rises. Fifty thousand boxed ids would cost as much as the model.
   */
  private static long[] order(float[] scores) {
    long[] order = new long[scores.length];
    for (int i = 0; i < order.length; i++) {
      // + 0 makes −0 a 0.
      int bits = Float.floatToRawIntBits(scores[i] + 0f);
      int rising = bits ^ (bits >> 31 & Integer.MAX_VALUE);
      order[i] = (long) ~rising << 32 | i;
    }
    Arrays.sort(order);
    return order;
  }

  private static int best(float[] scores) {
    int best = 0;
    for (int i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i;
    return best;
  }
}
