package dev.outpost.offsite.control;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;

/**
 * The clipped surrogate of PPO (Schulman et al. 2017) with a KL penalty and an entropy bonus, for
 * branched actions: the mean over rows of
 *
 * <pre>
 * −min(ρA, clip(ρ, 1−ε, 1+ε)·A) + β·Σ_b KL(old_b ‖ π_b) − c·Σ_b H(π_b),
 * ρ = Π_b π_b(a_b)/old_b(a_b)
 * </pre>
 *
 * Backward, per row and logit j of branch b: {@code −ρA·([j = a_b] − π_j)} where the minimum takes
 * the unclipped side, else 0; {@code + β·(π_j − old_j) + c·π_j·(log π_j + H_b)}; all over the
 * number of rows. The gradient is computed on the way forward, in f64, and scaled on the way back.
 */
public final class PolicyLoss {
  private PolicyLoss() {}

  /**
   * Weights of the three terms.
   *
   * @param clip ε; infinite does not clip
   * @param kl β
   * @param entropy c
   */
  public record Terms(double clip, double kl, double entropy) {
    public Terms {
      if (!(clip > 0 && kl >= 0 && entropy >= 0))
        throw new IllegalArgumentException(
            "policy loss: clip must be positive, weights not negative, got "
                + clip
                + ", "
                + kl
                + ", "
                + entropy);
    }
  }

  /**
   * What was done, under which policy, and how well it went.
   *
   * @param choices per row an option of every branch
   * @param old per row π of every option, of the policy that chose
   * @param oldLogs their logarithms
   * @param advantages A, per row
   */
  public record Taken(
      List<int[]> choices, List<double[]> old, List<double[]> oldLogs, double[] advantages) {}

  /**
   * Means over rows, for watching.
   *
   * @param kl Σ_b KL(old_b ‖ π_b)
   * @param entropy Σ_b H(π_b)
   * @param clipped share of rows whose gradient the clip took away
   */
  public record Figures(double kl, double entropy, double clipped) {}

  /**
   * A recorded loss.
   *
   * @param loss [1]
   * @param figures of the same rows
   */
  public record Result(Var loss, Figures figures) {}

  /** Records the loss of logits [N, width]. */
  public static Result policyLoss(Tape t, Var logits, Branches branches, Taken taken, Terms terms) {
    int n = logits.shape().rows();
    int width = branches.width();
    if (logits.shape().cols() != width
        || taken.choices.size() != n
        || taken.old.size() != n
        || taken.oldLogs.size() != n
        || taken.advantages.length != n)
      throw new ShapeException(
          "policyLoss",
          "logits need the branches' columns and a row per action",
          logits.shape(),
          width + " columns, " + taken.choices.size() + " actions");
    Kernels k = t.kernels();
    Tensor z = logits.value();
    k.memory().fetch(z);
    Tensor g = t.take(logits.shape());
    double[] p = new double[width];
    double[] log = new double[width];
    double[] d = new double[width];
    double loss = 0;
    double kl = 0;
    double entropy = 0;
    int clipped = 0;
    for (int r = 0; r < n; r++) {
      int[] choices = taken.choices.get(r);
      double[] old = taken.old.get(r);
      double[] oldLogs = taken.oldLogs.get(r);
      double advantage = taken.advantages[r];
      branches.softmax(z.data(), z.offset() + r * width, p, log);
      double ratio =
          StrictMath.exp(branches.joint(log, choices) - branches.joint(oldLogs, choices));
      double bounded = Math.clamp(ratio, 1 - terms.clip, 1 + terms.clip);
      boolean within = ratio * advantage <= bounded * advantage;
      if (!within) clipped++;
      loss -= Math.min(ratio * advantage, bounded * advantage);
      for (int b = 0; b < branches.count(); b++) {
        int from = branches.start(b);
        int to = branches.start(b + 1);
        double h = 0;
        for (int j = from; j < to; j++) h -= p[j] * log[j];
        for (int j = from; j < to; j++) {
          kl += old[j] * (oldLogs[j] - log[j]);
          double chosen = j == from + choices[b] ? 1 : 0;
          d[j] = terms.kl * (p[j] - old[j]) + terms.entropy * p[j] * (log[j] + h);
          if (within) d[j] -= ratio * advantage * (chosen - p[j]);
        }
        entropy += h;
      }
      for (int j = 0; j < width; j++) g.data()[g.offset() + r * width + j] = (float) (d[j] / n);
    }
    k.memory().store(g);
    Tensor value = t.take(1);
    k.fill(value, (float) ((loss + terms.kl * kl - terms.entropy * entropy) / n));
    Var out = t.record("policyLoss", value, List.of(g), new Back(k, logits, g), logits);
    return new Result(out, new Figures(kl / n, entropy / n, (double) clipped / n));
  }

  private record Back(Kernels k, Var logits, Tensor g) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      k.memory().fetch(dy);
      Grads.Slot slot = grads.of(logits);
      k.axpby(dy.get(0), g, slot.beta(), slot.tensor());
    }
  }
}
