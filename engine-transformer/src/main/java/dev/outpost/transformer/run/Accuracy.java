package dev.outpost.transformer.run;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Examples;
import java.util.Arrays;

/**
 * Top-1: how often the highest score is the target's. Of equal scores the first wins.
 *
 * @param right answers
 * @param asked targets ≥ 0
 */
public record Accuracy(long right, long asked) {
  /** right / asked. */
  public double value() {
    return (double) right / asked;
  }

  /** Of {@link #value}, as of a proportion. */
  public double standardError() {
    return Math.sqrt(value() * (1 - value()) / asked);
  }

  /** Measures a model on all examples, {@code batch} at a time. */
  public static Accuracy of(
      TransformerModel model, Kernels kernels, Workspace workspace, Examples examples, int batch) {
    long right = 0;
    long asked = 0;
    for (int from = 0; from < examples.count(); from += batch) {
      int[] which = new int[Math.min(batch, examples.count() - from)];
      int first = from;
      Arrays.setAll(which, i -> first + i);
      Batch read = examples.batch(which);
      try {
        Pass pass = read.pass(Tape.evaluating(kernels, workspace));
        Tensor scores = model.logits(pass, model.hidden(pass, read.input()));
        kernels.memory().fetch(scores);
        for (int i = 0; i < read.targets().length; i++) {
          if (read.targets()[i] < 0) continue;
          asked++;
          if (best(scores, i) == read.targets()[i]) right++;
        }
      } finally {
        workspace.releaseAll();
      }
    }
    if (asked == 0) throw new IllegalArgumentException("accuracy: nothing to predict");
    return new Accuracy(right, asked);
  }

  private static int best(Tensor scores, int row) {
    int best = 0;
    for (int c = 1; c < scores.cols(); c++)
      if (scores.get(row * scores.cols() + c) > scores.get(row * scores.cols() + best)) best = c;
    return best;
  }
}
