package dev.outpost;

/**
 * How likely a model finds a text.
 *
 * @param logProbability natural logarithm, summed over the tokens
 * @param tokens that were predicted
 */
public record Score(double logProbability, int tokens) {
  /** exp of the mean loss: how many tokens the model wavers between. */
  public double perplexity() {
    return Math.exp(-logProbability / tokens);
  }
}
