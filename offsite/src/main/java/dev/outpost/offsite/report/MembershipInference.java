package dev.outpost.offsite.report;

import dev.outpost.tensor.io.JsonObject;
import java.util.Arrays;

/**
 * How well a score tells rows that were trained on from rows that were not (Yeom et al. 2018;
 * Carlini et al. 2022 for the low false positive rate).
 *
 * @param score what is compared, in words
 * @param auc probability that a member scores above a non-member, ties counting half: 0.5 tells
 *     nothing, 1 tells all
 * @param standardError of {@code auc} (Hanley and McNeil 1982)
 * @param caught share of members above the score that at most one in a thousand non-members exceeds
 * @param members rows that were trained on
 * @param others rows that were not
 */
public record MembershipInference(
    String score, double auc, double standardError, double caught, int members, int others) {
  /** The false positive rate of {@link #caught}. */
  public static final double FALSE_POSITIVES = 0.001;

  /** From scores of both; a higher score says member. */
  public static MembershipInference of(String score, double[] members, double[] others) {
    if (members.length == 0 || others.length == 0)
      throw new IllegalArgumentException("membership: needs rows of both kinds");
    double[] sorted = others.clone();
    Arrays.sort(sorted);
    double above = 0;
    for (double m : members) above += below(sorted, m) + equal(sorted, m) / 2.0;
    double auc = above / ((double) members.length * others.length);
    int mistakes = (int) Math.floor(FALSE_POSITIVES * others.length);
    double threshold = sorted[sorted.length - 1 - mistakes];
    double caught = Arrays.stream(members).filter(m -> m > threshold).count();
    return new MembershipInference(
        score,
        auc,
        error(auc, members.length, others.length),
        caught / members.length,
        members.length,
        others.length);
  }

  private static int below(double[] sorted, double x) {
    int low = 0;
    int high = sorted.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (sorted[middle] < x) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private static int equal(double[] sorted, double x) {
    int from = below(sorted, x);
    int to = from;
    while (to < sorted.length && sorted[to] == x) to++;
    return to - from;
  }

  private static double error(double auc, int m, int n) {
    double q1 = auc / (2 - auc);
    double q2 = 2 * auc * auc / (1 + auc);
    double variance = auc * (1 - auc) + (m - 1) * (q1 - auc * auc) + (n - 1) * (q2 - auc * auc);
    return Math.sqrt(Math.max(0, variance) / ((double) m * n));
  }

  /** Non-members that the rate of one in a thousand needs before it can be counted at all. */
  public boolean enoughForTheRate() {
    return others >= 1 / FALSE_POSITIVES;
  }

  /** The figures, and whether the rows suffice for the last. */
  public JsonObject toJson() {
    return JsonObject.create()
        .put("score", score)
        .put("auc", auc)
        .put("standard_error", standardError)
        .put("tpr_at_0.001_fpr", caught)
        .put("enough_rows_for_that_rate", enoughForTheRate())
        .put("members", members)
        .put("non_members", others);
  }
}
