package dev.outpost.offsite.control;

import dev.outpost.tensor.io.JsonObject;

/**
 * How {@link Ppo} learns. FedPEAT gives no numbers; these are ours.
 *
 * @param iterations each collects episodes and learns from them
 * @param episodes per iteration, played side by side
 * @param epochs passes over what was collected
 * @param minibatch steps per update
 * @param hidden width of the trunk
 * @param learningRate falls in a straight line to 0 over the iterations
 * @param gamma discount γ
 * @param lambda of the advantage estimate
 * @param clip ε of the ratio
 * @param kl β at the start
 * @param klTarget doubles β when an iteration's KL is above 1.5 times it and halves it below a
 *     1.5th (Schulman et al. 2017, section 4); 0 keeps β fixed
 * @param entropy weight of the entropy, summed over branches
 * @param value weight of the value's squared error
 * @param rewardScale on rewards before learning, so that values are around 1
 * @param gradientNorm largest, over all weights
 */
public record PpoSettings(
    int iterations,
    int episodes,
    int epochs,
    int minibatch,
    int hidden,
    double learningRate,
    double gamma,
    double lambda,
    double clip,
    double kl,
    double klTarget,
    double entropy,
    double value,
    double rewardScale,
    double gradientNorm) {
  /** For federations of about ten devices. */
  public static final PpoSettings DEFAULT =
      new PpoSettings(120, 16, 4, 200, 128, 1e-3, 1, 0.95, 0.2, 0.2, 0.1, 2e-3, 0.5, 0.1, 0.5);

  public PpoSettings {
    if (iterations < 1 || episodes < 1 || epochs < 1 || minibatch < 1 || hidden < 1)
      throw new IllegalArgumentException(
          "ppo: iterations, episodes, epochs, minibatch and hidden must be positive");
    if (!(learningRate > 0 && clip > 0 && gradientNorm > 0 && rewardScale > 0))
      throw new IllegalArgumentException(
          "ppo: learning rate, clip, gradient norm and reward scale must be positive");
    if (!(gamma >= 0 && gamma <= 1 && lambda >= 0 && lambda <= 1))
      throw new IllegalArgumentException("ppo: gamma and lambda must be in [0, 1]");
    if (!(kl >= 0 && klTarget >= 0 && entropy >= 0 && value >= 0))
      throw new IllegalArgumentException("ppo: weights must not be negative");
  }

  /** The same with another number of iterations. */
  public PpoSettings lasting(int other) {
    return new PpoSettings(
        other,
        episodes,
        epochs,
        minibatch,
        hidden,
        learningRate,
        gamma,
        lambda,
        clip,
        kl,
        klTarget,
        entropy,
        value,
        rewardScale,
        gradientNorm);
  }

  /** As settings of a saved state. */
  JsonObject describe() {
    return JsonObject.create().put("ppo", toString());
  }
}
