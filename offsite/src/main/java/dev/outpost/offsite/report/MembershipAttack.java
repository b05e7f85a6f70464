package dev.outpost.offsite.report;

import dev.outpost.tensor.io.JsonObject;
import java.util.List;
import java.util.Locale;

/**
 * One score for membership, tried on every adapter that was tuned on the same text.
 *
 * @param each what it finds of each adapter; one entry where it looks at none
 */
public record MembershipAttack(List<MembershipInference> each) {
  public MembershipAttack {
    each = List.copyOf(each);
    if (each.isEmpty()) throw new IllegalArgumentException("membership: needs an adapter");
  }

  /** What is compared, in words. */
  public String score() {
    return each.getFirst().score();
  }

  /** Mean AUC; its error is over adapters, of a single one that of Hanley and McNeil. */
  public Utility.Mean auc() {
    Utility.Mean mean =
        Utility.Mean.of(each.stream().mapToDouble(MembershipInference::auc).toArray());
    return each.size() > 1 ? mean : new Utility.Mean(mean.mean(), each.getFirst().standardError());
  }

  /** Mean share of members caught, its error over adapters: NaN of a single one. */
  public Utility.Mean caught() {
    return Utility.Mean.of(each.stream().mapToDouble(MembershipInference::caught).toArray());
  }

  /** A line for people. */
  String line() {
    Utility.Mean auc = auc();
    Utility.Mean caught = caught();
    String line =
        String.format(
            Locale.ROOT,
            "  %-58s AUC %.3f ± %.3f, TPR at 0.1 %% FPR %.3f",
            score(),
            auc.mean(),
            auc.error(),
            caught.mean());
    return Double.isNaN(caught.error())
        ? line
        : line + String.format(Locale.ROOT, " ± %.3f", caught.error());
  }

  /** The means under the names of a single figure, and each adapter's own. */
  public JsonObject toJson() {
    Utility.Mean caught = caught();
    return each.getFirst()
        .toJson()
        .put("auc", auc().mean())
        .put("standard_error", auc().error())
        .put("tpr_at_0.001_fpr", caught.mean())
        .put("tpr_standard_error", Double.isNaN(caught.error()) ? null : caught.error())
        .put("each", each.stream().map(m -> m.toJson().without("score")).toList());
  }
}
