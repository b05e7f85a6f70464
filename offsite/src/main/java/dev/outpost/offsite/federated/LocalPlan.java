package dev.outpost.offsite.federated;

/**
 * How every party tunes within a round.
 *
 * @param steps optimizer steps; AdamW, its state made anew each round
 * @param batch examples per step; a party with fewer takes all it has
 * @param rate learning rate, constant within a round
 * @param weightDecay of matrices
 * @param proximal μ of FedProx (Li et al. 2020): pulls towards the round's start; 0 is FedAvg
 * @param scaffold whether gradients are corrected by control variates (Karimireddy et al. 2020)
 */
public record LocalPlan(
    int steps, int batch, float rate, float weightDecay, float proximal, boolean scaffold) {
  public LocalPlan {
    if (steps < 1 || batch < 1)
      throw new IllegalArgumentException(
          "local plan: steps and batch must be at least 1, got " + steps + ", " + batch);
    if (!(rate > 0) || Float.isInfinite(rate))
      throw new IllegalArgumentException("local plan: rate must be positive, got " + rate);
    if (!(weightDecay >= 0) || !(proximal >= 0) || Float.isInfinite(proximal))
      throw new IllegalArgumentException(
          "local plan: weight decay and proximal must not be negative, got "
              + weightDecay
              + ", "
              + proximal);
  }

  /** FedAvg without decay. */
  public static LocalPlan of(int steps, int batch, float rate) {
    return new LocalPlan(steps, batch, rate, 0, 0, false);
  }
}
