package dev.outpost.offsite.control;

import java.util.Arrays;

/**
 * Generalised advantage estimation (Schulman et al. 2016): {@code δ_t = r_t + γ·V_{t+1} − V_t},
 * {@code A_t = δ_t + γλ·A_{t+1}}, and the value's target {@code R_t = A_t + V_t}.
 *
 * @param advantages A
 * @param targets R
 */
public record Advantages(double[] advantages, double[] targets) {
  /**
   * Of one stretch of steps.
   *
   * @param rewards r
   * @param values V of each step's state
   * @param after V of the state after the last step; 0 when the episode ended there
   * @param gamma γ, discount
   * @param lambda λ
   */
  public static Advantages of(
      double[] rewards, double[] values, double after, double gamma, double lambda) {
    if (rewards.length != values.length)
      throw new IllegalArgumentException(
          "advantages: " + rewards.length + " rewards need as many values, got " + values.length);
    double[] a = new double[rewards.length];
    double[] targets = new double[rewards.length];
    double next = after;
    double running = 0;
    for (int t = rewards.length - 1; t >= 0; t--) {
      double delta = rewards[t] + gamma * next - values[t];
      a[t] = running = delta + gamma * lambda * running;
      targets[t] = running + values[t];
      next = values[t];
    }
    return new Advantages(a, targets);
  }

  /** To mean 0 and deviation 1; all alike become 0. */
  static double[] normalised(double[] a) {
    double mean = Arrays.stream(a).average().orElse(0);
    double squares = Arrays.stream(a).map(v -> (v - mean) * (v - mean)).sum();
    double deviation = Math.sqrt(squares / Math.max(1, a.length));
    return Arrays.stream(a).map(v -> (v - mean) / (deviation + 1e-8)).toArray();
  }
}
