package dev.outpost.transformer.eval;

import java.util.List;

/**
 * A figure and how far chance may have moved it.
 *
 * @param value the figure
 * @param standardError of the value; NaN with fewer than two samples
 */
public record Estimate(double value, double standardError) {
  /** The mean; its error is the sample's deviation (n − 1) over √n, as in lm-eval. */
  static Estimate mean(List<Double> values) {
    int n = values.size();
    double mean = values.stream().mapToDouble(v -> v).sum() / n;
    double squares = values.stream().mapToDouble(v -> (v - mean) * (v - mean)).sum();
    return new Estimate(mean, n < 2 ? Double.NaN : Math.sqrt(squares / (n - 1)) / Math.sqrt(n));
  }

  /**
   * Negative log-likelihood per unit of text, of all documents together. lm-eval gives no error
   * here; this one is the ratio estimator's, with documents as the sample.
   */
  static Estimate perUnit(List<Double> logLikelihoods, List<Double> units) {
    int n = units.size();
    double all = units.stream().mapToDouble(v -> v).sum();
    double rate = -logLikelihoods.stream().mapToDouble(v -> v).sum() / all;
    double squares = 0;
    for (int i = 0; i < n; i++) {
      double residual = -logLikelihoods.get(i) - rate * units.get(i);
      squares += residual * residual;
    }
    return new Estimate(rate, n < 2 ? Double.NaN : Math.sqrt(squares * n / (n - 1)) / all);
  }

  /** exp of a rate. */
  Estimate exp() {
    return new Estimate(Math.exp(value), Math.exp(value) * standardError);
  }

  /** In bits. */
  Estimate bits() {
    return new Estimate(value / Math.log(2), standardError / Math.log(2));
  }
}
