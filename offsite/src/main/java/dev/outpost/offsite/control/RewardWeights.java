package dev.outpost.offsite.control;

/**
 * What a round costs: {@code −reward = w₁·mean P + w₂·max Q/unit + w₃·ΣX/N + w₄·Σm/(N·M)} and the
 * penalties {@code v₁·oversized/N + v₂·excess/N}. P is a device's distance from convergence after
 * the round, Q its delay, X whether it was handed an emulator, m the memory it used, M what the
 * full model takes, N the number of devices; oversized devices used more than they allow, and an
 * exchange is in excess when the device had its share of the rounds already. FedPEAT names the
 * terms and penalties; their scales and weights are ours. Scaled so, no weight depends on the
 * number of devices or the size of the model.
 *
 * @param distance w₁
 * @param delay w₂
 * @param delayUnit seconds
 * @param exchange w₃
 * @param memory w₄
 * @param oversize v₁
 * @param excess v₂
 * @param exchangeShare exchanges that a device may have, per planned round
 */
public record RewardWeights(
    double distance,
    double delay,
    double delayUnit,
    double exchange,
    double memory,
    double oversize,
    double excess,
    double exchangeShare) {
  public RewardWeights {
    if (!(distance >= 0
        && delay >= 0
        && exchange >= 0
        && memory >= 0
        && oversize >= 0
        && excess >= 0
        && exchangeShare >= 0
        && delayUnit > 0))
      throw new IllegalArgumentException(
          "reward: weights must not be negative and the delay's unit must be positive");
  }

  /**
   * {@code 4, 2, 0.2, 0.2; 1, 1; 0.1}: convergence is what a federation is for, so without control
   * distance makes up some two thirds of the costs and delay and memory share the rest.
   */
  public static RewardWeights of(double delayUnit) {
    return new RewardWeights(4, 2, delayUnit, 0.2, 0.2, 1, 1, 0.1);
  }

  /** The reward of a round. */
  public double reward(RoundCosts c, int devices, long modelBytes) {
    double n = devices;
    return -(distance * c.distance()
        + delay * c.seconds() / delayUnit
        + exchange * c.exchanges() / n
        + memory * c.memorySum() / (n * modelBytes)
        + oversize * c.oversized() / n
        + excess * c.excess() / n);
  }
}
