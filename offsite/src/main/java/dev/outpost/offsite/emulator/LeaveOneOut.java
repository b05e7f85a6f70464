package dev.outpost.offsite.emulator;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.train.Examples;
import java.util.ArrayList;
import java.util.List;

/**
 * How much worse a model predicts when one block is taken out and nothing put in its place: a
 * measured importance to hold learned scores against.
 *
 * @param full mean loss of the whole model, nats per token
 * @param without mean loss without each block
 */
public record LeaveOneOut(double full, List<Double> without) {
  public LeaveOneOut {
    without = List.copyOf(without);
  }

  /** Measures on all examples, {@code batch} at a time: one pass more than there are blocks. */
  public static LeaveOneOut of(
      TransformerModel model, Kernels kernels, Examples examples, int batch) {
    Workspace workspace = kernels.memory().workspace();
    List<Double> without = new ArrayList<>();
    for (Slot left : model.slots()) {
      TransformerModel rest =
          model.withSlots(model.slots().stream().filter(s -> s != left).toList());
      without.add(Perplexity.of(rest, kernels, workspace, examples, batch).meanLoss());
    }
    return new LeaveOneOut(
        Perplexity.of(model, kernels, workspace, examples, batch).meanLoss(), without);
  }

  /** Spearman's rank correlation of these scores with the losses: 1 when they order alike. */
  public double agreement(List<Double> scores) {
    return spearman(scores, without);
  }

  /**
   * The same where both are compared with the mean of their group first, which is all that scores
   * learned by trials within groups can tell.
   */
  public double agreementInGroups(List<Double> scores, int group) {
    return spearman(centred(scores, group), centred(without, group));
  }

  private static List<Double> centred(List<Double> values, int group) {
    List<Double> out = new ArrayList<>();
    for (LayerScores.Group g : LayerScores.groups(values.size(), group)) {
      List<Double> part = values.subList(g.from(), g.to());
      double mean = part.stream().mapToDouble(v -> v).average().orElse(0);
      part.forEach(v -> out.add(v - mean));
    }
    return out;
  }

  /** Pearson's correlation of the ranks; equal values share the mean of their ranks. */
  static double spearman(List<Double> a, List<Double> b) {
    if (a.size() != b.size() || a.size() < 2)
      throw new IllegalArgumentException(
          "correlation: needs two equally long lists, got " + a.size() + " and " + b.size());
    double[] x = ranks(a);
    double[] y = ranks(b);
    double mean = (x.length + 1) / 2.0;
    double xy = 0;
    double xx = 0;
    double yy = 0;
    for (int i = 0; i < x.length; i++) {
      xy += (x[i] - mean) * (y[i] - mean);
      xx += (x[i] - mean) * (x[i] - mean);
      yy += (y[i] - mean) * (y[i] - mean);
    }
    return xy / Math.sqrt(xx * yy);
  }

  private static double[] ranks(List<Double> values) {
    return values.stream()
        .mapToDouble(v -> {
          long below = values.stream().filter(o -> o < v).count();
          long equal = values.stream().filter(v::equals).count();
          return below + (equal + 1) / 2.0;
        })
        .toArray();
  }
}
