package dev.outpost.offsite.report;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Examples;
import java.util.Arrays;

/** How well a model predicts each single example: what attacks on membership look at. */
public final class RowLosses {
  private static final int BATCH = 8;

  private RowLosses() {}

  /** Mean loss in nats of each example's targets; NaN where it has none. */
  public static double[] of(TransformerModel model, Kernels kernels, Examples examples) {
    double[] losses = new double[examples.count()];
    Workspace workspace = kernels.memory().workspace();
    for (int from = 0; from < losses.length; from += BATCH) {
      int[] which = new int[Math.min(BATCH, losses.length - from)];
      int first = from;
      Arrays.setAll(which, i -> first + i);
      Batch batch = examples.batch(which);
      int[] targets = batch.targets();
      try {
        float[] all =
            model.losses(batch.pass(Tape.evaluating(kernels, workspace)), batch.input(), targets);
        int each = all.length / which.length;
        for (int i = 0; i < which.length; i++)
          losses[from + i] = mean(all, targets, i * each, each);
      } finally {
        workspace.releaseAll();
      }
    }
    return losses;
  }

  private static double mean(float[] losses, int[] targets, int from, int n) {
    double sum = 0;
    int count = 0;
    for (int i = from; i < from + n; i++)
      if (targets[i] >= 0) {
        sum += losses[i];
        count++;
      }
    return count == 0 ? Double.NaN : sum / count;
  }
}
