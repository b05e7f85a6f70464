package dev.outpost.offsite.simulation;

import dev.outpost.tensor.random.RandomStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Deals rows with labels to clients so that each has its own mixture of labels: the mixture is
 * drawn from Dirichlet(α·p), p being the labels' shares of all rows, and the client's rows are
 * drawn accordingly, without replacement (Hsu, Qi, Brown 2019, section 3). Small α: clients of one
 * label each; large α: all alike.
 */
public final class DirichletSplit {
  private DirichletSplit() {}

  /**
   * The rows of each client, in rising order; all clients have equally many, what does not divide
   * is left out.
   *
   * @param labels label of each row, from 0
   * @param alpha α; infinity deals without regard to labels
   */
  public static int[][] deal(int[] labels, int clients, double alpha, long seed) {
    if (clients < 1 || labels.length < clients)
      throw new IllegalArgumentException(
          "split: "
              + labels.length
              + " rows are too few for "
              + clients
              + " clients; give more text, shorter blocks or fewer clients");
    if (!(alpha > 0))
      throw new IllegalArgumentException("split: alpha must be positive, got " + alpha);
    int kinds = Arrays.stream(labels).max().orElseThrow() + 1;
    List<List<Integer>> pools = new ArrayList<>();
    for (int k = 0; k < kinds; k++) pools.add(new ArrayList<>());
    int[] order = new int[labels.length];
    for (int i = 0; i < order.length; i++) order[i] = i;
    RandomStream.of(seed, "split.rows").shuffle(order);
    for (int row : order) pools.get(labels[row]).add(row);
    double[] prior = pools.stream().mapToDouble(p -> p.size() / (double) labels.length).toArray();
    int each = labels.length / clients;
    int[][] dealt = new int[clients][each];
    for (int c = 0; c < clients; c++) {
      RandomStream random = RandomStream.of(seed, "split.client." + c);
      double @Nullable [] mixture =
          Double.isInfinite(alpha) ? null : dirichlet(prior, alpha, random);
      for (int i = 0; i < each; i++) {
        int kind = draw(mixture, pools, random);
        List<Integer> pool = pools.get(kind);
        dealt[c][i] = pool.removeLast();
      }
      Arrays.sort(dealt[c]);
    }
    return dealt;
  }

  /** A label by the mixture, of those that have rows left; by what is left where none is in it. */
  private static int draw(
      double @Nullable [] mixture, List<List<Integer>> pools, RandomStream random) {
    double[] weights = new double[pools.size()];
    double sum = 0;
    for (int k = 0; k < weights.length; k++) {
      if (mixture != null && !pools.get(k).isEmpty()) weights[k] = mixture[k];
      sum += weights[k];
    }
    if (!(sum > 0)) {
      sum = 0;
      for (int k = 0; k < weights.length; k++) sum += weights[k] = pools.get(k).size();
    }
    double at = random.nextDouble() * sum;
    int last = 0;
    for (int k = 0; k < weights.length; k++) {
      if (weights[k] == 0) continue;
      last = k;
      at -= weights[k];
      if (at < 0) break;
    }
    return last;
  }

  private static double[] dirichlet(double[] prior, double alpha, RandomStream random) {
    double[] logs = new double[prior.length];
    double most = Double.NEGATIVE_INFINITY;
    for (int k = 0; k < logs.length; k++) {
      logs[k] = prior[k] == 0 ? Double.NEGATIVE_INFINITY : logGamma(alpha * prior[k], random);
      most = Math.max(most, logs[k]);
    }
    double[] mixture = new double[logs.length];
    for (int k = 0; k < logs.length; k++) mixture[k] = StrictMath.exp(logs[k] - most);
    return mixture;
  }

  /**
   * Logarithm of a draw from Gamma(shape, 1), since for a small shape the draw itself is 0 in
   * double (Marsaglia, Tsang 2000; below 1 by their boosting).
   */
  static double logGamma(double shape, RandomStream random) {
    if (shape < 1) {
      double boost = StrictMath.log(1 - random.nextDouble()) / shape;
      return logGamma(shape + 1, random) + boost;
    }
    double d = shape - 1.0 / 3;
    double c = 1 / Math.sqrt(9 * d);
    while (true) {
      double x = random.nextGaussian();
      double v = 1 + c * x;
      if (v <= 0) continue;
      v = v * v * v;
      double u = 1 - random.nextDouble();
      if (StrictMath.log(u) < 0.5 * x * x + d - d * v + d * StrictMath.log(v))
        return StrictMath.log(d * v);
    }
  }
}
