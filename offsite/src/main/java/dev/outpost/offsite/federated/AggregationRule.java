package dev.outpost.offsite.federated;

import dev.outpost.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How the parties' values become one. Rules see the updates in the order of the clients' names, so
 * that the order of arrival changes no bit; sums are in double.
 */
public sealed interface AggregationRule {
  /** One value per name from at least one update. */
  AdapterValues combine(List<Update> updates);

  /** {@code A = Σ (n_i / Σ n) A_i}: the mean by samples (FedAvg, McMahan et al. 2017). */
  record WeightedMean() implements AggregationRule {
    @Override
    public AdapterValues combine(List<Update> updates) {
      double[] weights = weights(updates);
      return elementwise(
          updates,
          column -> {
            double sum = 0;
            for (int i = 0; i < column.length; i++) sum += weights[i] * column[i];
            return sum;
          });
    }

    /** Shares of the samples; they sum to 1. */
    static double[] weights(List<Update> updates) {
      double all = updates.stream().mapToDouble(Update::samples).sum();
      return updates.stream().mapToDouble(u -> u.samples() / all).toArray();
    }
  }

  /** The median of each number (Yin et al. 2018); samples do not count. */
  record Median() implements AggregationRule {
    @Override
    public AdapterValues combine(List<Update> updates) {
      return elementwise(
          updates,
          column -> {
            Arrays.sort(column);
            int n = column.length;
            return n % 2 == 1 ? column[n / 2] : (column[n / 2 - 1] + column[n / 2]) / 2;
          });
    }
  }

  /**
   * The mean of each number without the largest and the smallest share (Yin et al. 2018); samples
   * do not count.
   *
   * @param share dropped at each end, in [0, 0.5)
   */
  record TrimmedMean(double share) implements AggregationRule {
    public TrimmedMean {
      if (!(share >= 0 && share < 0.5))
        throw new IllegalArgumentException(
            "trimmed mean: share must be at least 0 and below 0.5, got " + share);
    }

    @Override
    public AdapterValues combine(List<Update> updates) {
      int cut = (int) (share * updates.size());
      return elementwise(
          updates,
          column -> {
            Arrays.sort(column);
            double sum = 0;
            for (int i = cut; i < column.length - cut; i++) sum += column[i];
            return sum / (column.length - 2 * cut);
          });
    }
  }

  /**
   * The update that lies nearest to its {@code n − f − 2} nearest others (Krum, Blanchard et al.
   * 2017), or the mean of the {@code keep} best of them (Multi-Krum).
   *
   * @param faulty f: parties that may lie; needs n ≥ 2f + 3
   * @param keep how many are averaged; 1 is Krum
   */
  record Krum(int faulty, int keep) implements AggregationRule {
    public Krum {
      if (faulty < 0 || keep < 1)
        throw new IllegalArgumentException(
            "krum: needs faulty ≥ 0 and keep ≥ 1, got " + faulty + ", " + keep);
    }

    @Override
    public AdapterValues combine(List<Update> updates) {
      int n = updates.size();
      if (n < 2 * faulty + 3 || keep > n - faulty)
        throw new IllegalArgumentException(
            "krum: "
                + n
                + " updates cannot bear "
                + faulty
                + " faulty ones with "
                + keep
                + " kept; needs at least "
                + Math.max(2 * faulty + 3, keep + faulty));
      double[] scores = scores(updates);
      Integer[] order = new Integer[n];
      Arrays.setAll(order, i -> i);
      Arrays.sort(order, (a, b) -> Double.compare(scores[a], scores[b]));
      List<Update> best = Arrays.stream(order).limit(keep).sorted().map(updates::get).toList();
      return elementwise(best, column -> Arrays.stream(column).sum() / column.length);
    }

    /** Sum of squared distances to the nearest n − f − 2 others. */
    private double[] scores(List<Update> updates) {
      int n = updates.size();
      double[][] squares = new double[n][n];
      for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++)
          squares[i][j] =
              squares[j][i] = updates.get(i).values().minus(updates.get(j).values()).squares();
      double[] scores = new double[n];
      for (int i = 0; i < n; i++) {
        double[] others = squares[i].clone();
        others[i] = Double.POSITIVE_INFINITY;
        Arrays.sort(others);
        for (int j = 0; j < n - faulty - 2; j++) scores[i] += others[j];
      }
      return scores;
    }
  }

  /** One number out of the same number of every update. */
  @FunctionalInterface
  interface Column {
    /** May sort or overwrite what it is given. */
    double apply(double[] column);
  }

  private static AdapterValues elementwise(List<Update> updates, Column rule) {
    AdapterValues first = updates.getFirst().values();
    Map<String, Tensor> all = new LinkedHashMap<>();
    double[] column = new double[updates.size()];
    for (String name : first.names()) {
      List<Tensor> each = updates.stream().map(u -> u.values().get(name)).toList();
      Tensor out = Tensor.zeros(each.getFirst().shape());
      for (int i = 0; i < out.size(); i++) {
        for (int c = 0; c < column.length; c++) column[c] = each.get(c).get(i);
        out.data()[i] = (float) rule.apply(column);
      }
      all.put(name, out);
    }
    return new AdapterValues(all);
  }
}
