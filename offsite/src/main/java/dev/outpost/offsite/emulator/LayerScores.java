package dev.outpost.offsite.emulator;

import dev.outpost.tensor.random.RandomStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How much each block is worth keeping, learned by trial (ScaleOT's Dynamic LayerReplace, Yao et
 * al. 2024): a score s per block, 0 at first, and a policy that draws π from U(0, p), p =
 * sigmoid(s), and keeps a block whose π is above the median of its group. So about half of each
 * group is replaced in every trial, and blocks compete with their neighbours only: what a trial
 * adds to the scores of a group with equal p sums to 0. Scores of different groups say little about
 * each other.
 *
 * <p>Not thread-safe.
 */
public final class LayerScores {
  private final double[] scores;
  private final List<Group> groups;

  /**
   * Neighbouring blocks.
   *
   * @param from the first
   * @param to the first behind
   */
  public record Group(int from, int to) {
    /** How many. */
    public int size() {
      return to - from;
    }
  }

  /** All 0. */
  public LayerScores(int blocks, int group) {
    this.groups = groups(blocks, group);
    this.scores = new double[blocks];
  }

  /**
   * Consecutive groups of {@code size}. What is left at the end is a smaller group; a single block,
   * which could never be above its own median, joins the group before.
   */
  public static List<Group> groups(int blocks, int size) {
    if (blocks < 2)
      throw new IllegalArgumentException(
          "ranking: needs a model of at least 2 blocks to compare, got " + blocks);
    if (size < 2)
      throw new IllegalArgumentException("ranking: a group has at least 2 blocks, got " + size);
    List<Group> all = new ArrayList<>();
    for (int from = 0; from < blocks; from += size) {
      if (from > 0 && from == blocks - 1) all.set(all.size() - 1, new Group(from - size, blocks));
      else all.add(new Group(from, Math.min(blocks, from + size)));
    }
    return all;
  }

  /** sigmoid(s): the largest π that a block of score s can draw. */
  public static double probability(double s) {
    return 1 / (1 + StrictMath.exp(-s));
  }

  /** A trial: which blocks it keeps. Draws one number per block. */
  public boolean[] sample(RandomStream stream) {
    boolean[] kept = new boolean[scores.length];
    for (Group g : groups) {
      double[] pi = new double[g.size()];
      for (int i = 0; i < pi.length; i++)
        pi[i] = stream.nextDouble() * probability(scores[g.from + i]);
      double median = median(pi);
      for (int i = 0; i < pi.length; i++) kept[g.from + i] = pi[i] > median;
    }
    return kept;
  }

  /** Of an even number the mean of the middle two. */
  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  /**
   * {@code r_j = exp(−L_j) − mean_k exp(−L_k)}: how much likelier a trial's tokens are than usual.
   */
  public static double[] rewards(double[] losses) {
    double[] r = new double[losses.length];
    double mean = 0;
    for (int j = 0; j < r.length; j++) {
      if (!Double.isFinite(losses[j]))
        throw new IllegalArgumentException(
            "ranking: a trial's loss on the validation text is " + losses[j] + "; lower the rates");
      r[j] = StrictMath.exp(-losses[j]);
      mean += r[j] / r.length;
    }
    for (int j = 0; j < r.length; j++) r[j] -= mean;
    return r;
  }

  /**
   * {@code s_i += rate · r_j · p_i(1 − p_i)} for every block i that trial j kept (equation 5). All
   * p are those that the trials were drawn with.
   */
  public void learn(boolean[][] kept, double[] rewards, double rate) {
    for (int i = 0; i < scores.length; i++) {
      double p = probability(scores[i]);
      double sum = 0;
      for (int j = 0; j < kept.length; j++) if (kept[j][i]) sum += rewards[j];
      scores[i] += rate * sum * p * (1 - p);
    }
  }

  /** The scores, by block. */
  public List<Double> values() {
    return Arrays.stream(scores).boxed().toList();
  }

  /** Takes over saved scores. */
  void restore(List<Double> saved) {
    if (saved.size() != scores.length)
      throw new IllegalArgumentException(
          "ranking: holds " + saved.size() + " scores, the model has " + scores.length + " blocks");
    for (int i = 0; i < scores.length; i++) scores[i] = saved.get(i);
  }
}
