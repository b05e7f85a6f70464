package dev.outpost.autograd.optim;

/** A gradient holds NaN or infinity, so a step with it would destroy the weights. */
public final class NonFiniteGradientException extends ArithmeticException {
  private static final long serialVersionUID = 1L;

  private final String weight;

  NonFiniteGradientException(String weight) {
    super(
        "gradient of "
            + weight
            + " holds NaN or infinity; lower the learning rate, check the data, or skip such steps");
    this.weight = weight;
  }

  /** Name of the first weight at fault. */
  public String weight() {
    return weight;
  }
}
