package dev.outpost.offsite.control;

import dev.outpost.tensor.random.RandomStream;
import java.util.List;

/**
 * Independent categorical distributions side by side, one per decision: branch b has the logits of
 * columns {@code [start(b), start(b+1))}, {@code π_b = softmax} of them, and the probability of a
 * joint action is the product (action branching, Tavakoli et al. 2018). In f64.
 */
public final class Branches {
  private final int[] starts;

  private Branches(int[] starts) {
    this.starts = starts;
  }

  /** Branches with so many options each. */
  public static Branches of(List<Integer> options) {
    int[] starts = new int[options.size() + 1];
    for (int b = 0; b < options.size(); b++) {
      if (options.get(b) < 1)
        throw new IllegalArgumentException(
            "branches: each needs an option, branch " + b + " has " + options.get(b));
      starts[b + 1] = Math.addExact(starts[b], options.get(b));
    }
    if (options.isEmpty()) throw new IllegalArgumentException("branches: needs one at least");
    return new Branches(starts);
  }

  /** How many branches. */
  public int count() {
    return starts.length - 1;
  }

  /** Logits of all branches together. */
  public int width() {
    return starts[count()];
  }

  /** First column of a branch. */
  public int start(int branch) {
    return starts[branch];
  }

  /** Writes π and log π of every option of every branch. */
  public void softmax(float[] logits, int from, double[] probabilities, double[] logs) {
    for (int b = 0; b < count(); b++) {
      double most = Double.NEGATIVE_INFINITY;
      for (int j = starts[b]; j < starts[b + 1]; j++) most = Math.max(most, logits[from + j]);
      double sum = 0;
      for (int j = starts[b]; j < starts[b + 1]; j++)
        sum += probabilities[j] = StrictMath.exp(logits[from + j] - most);
      double log = most + StrictMath.log(sum);
      for (int j = starts[b]; j < starts[b + 1]; j++) {
        probabilities[j] /= sum;
        logs[j] = logits[from + j] - log;
      }
    }
  }

  /** log π of a joint action: the sum over branches. */
  public double joint(double[] logProbabilities, int[] choices) {
    double sum = 0;
    for (int b = 0; b < count(); b++) sum += logProbabilities[starts[b] + choices[b]];
    return sum;
  }

  /** Draws an option per branch. */
  public int[] sample(double[] probabilities, RandomStream random) {
    int[] choices = new int[count()];
    for (int b = 0; b < count(); b++) {
      double u = random.nextDouble();
      int last = starts[b + 1] - starts[b] - 1;
      int j = 0;
      for (; j < last; j++) {
        u -= probabilities[starts[b] + j];
        if (u < 0) break;
      }
      choices[b] = j;
    }
    return choices;
  }

  /** The option with the largest logit per branch, the first of equals. */
  public int[] mode(float[] logits, int from) {
    int[] choices = new int[count()];
    for (int b = 0; b < count(); b++)
      for (int j = 1; j < starts[b + 1] - starts[b]; j++)
        if (logits[from + starts[b] + j] > logits[from + starts[b] + choices[b]]) choices[b] = j;
    return choices;
  }
}
