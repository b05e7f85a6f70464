package dev.outpost.transformer.run;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Examples;
import java.util.Arrays;

/**
 * Perplexity over fixed blocks: {@code exp(mean token loss)} where each block of T tokens predicts
 * its own T−1 last ones and blocks know nothing of each other (Xiao et al. 2023, run_clm.py; T =
 * 512 there).
 *
 * @param meanLoss nats per predicted token
 * @param standardError of {@code meanLoss}, over tokens
 * @param tokens predicted
 */
public record Perplexity(double meanLoss, double standardError, long tokens) {
  /** exp(meanLoss). */
  public double value() {
    return Math.exp(meanLoss);
  }

  /**
   * Measures a model on all blocks, {@code batch} at a time; the result does not depend on {@code
   * batch}'s value beyond rounding.
   */
  public static Perplexity of(
      TransformerModel model, Kernels kernels, Workspace workspace, Examples examples, int batch) {
    double sum = 0;
    double squares = 0;
    long count = 0;
    for (int from = 0; from < examples.count(); from += batch) {
      int n = Math.min(batch, examples.count() - from);
      int[] order = new int[n];
      int first = from;
      Arrays.setAll(order, i -> first + i);
      Batch read = examples.batch(order);
      int[] targets = read.targets();
      try {
        float[] losses =
            model.losses(read.pass(Tape.evaluating(kernels, workspace)), read.input(), targets);
        for (int i = 0; i < losses.length; i++) {
          if (targets[i] < 0) continue;
          sum += losses[i];
          squares += (double) losses[i] * losses[i];
          count++;
        }
      } finally {
        workspace.releaseAll();
      }
    }
    if (count == 0) throw new IllegalArgumentException("perplexity: no token to predict");
    double mean = sum / count;
    double variance = Math.max(0, squares / count - mean * mean);
    return new Perplexity(mean, Math.sqrt(variance / count), count);
  }
}
