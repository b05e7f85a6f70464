package dev.outpost.offsite.federated;

import dev.outpost.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * What an update must satisfy before it may change anything: the round's own names and shapes,
 * finite numbers, a change of bounded size, a believable number of samples.
 *
 * @param maxNorm largest Euclidean norm of the change against the global adapter
 * @param maxSamples most samples one party may claim, so that none outweighs all others by a claim
 */
public record UpdateCheck(double maxNorm, long maxSamples) {
  /** No bound on the change; a billion samples. */
  public static final UpdateCheck LENIENT =
      new UpdateCheck(Double.POSITIVE_INFINITY, 1_000_000_000L);

  public UpdateCheck {
    if (!(maxNorm > 0) || maxSamples < 1)
      throw new IllegalArgumentException(
          "update check: norm and samples must be positive, got " + maxNorm + ", " + maxSamples);
  }

  /** Every rule that the update breaks; empty when it may be used. */
  public List<String> reasons(Update update, int round, AdapterValues global) {
    List<String> reasons = new ArrayList<>();
    if (update.round() != round)
      reasons.add("is of round " + update.round() + ", this is round " + round);
    if (update.samples() < 1 || update.samples() > maxSamples)
      reasons.add("claims " + update.samples() + " samples; allowed are 1 to " + maxSamples);
    var lacking = AdapterValues.difference(global.names(), update.values().names());
    if (!lacking.isEmpty()) reasons.add("lacks " + lacking);
    var foreign = AdapterValues.difference(update.values().names(), global.names());
    if (!foreign.isEmpty()) reasons.add("holds " + foreign + ", which this adapter has not");
    for (var e : update.values().tensors().entrySet()) {
      Tensor mine = global.tensors().get(e.getKey());
      if (mine != null && !mine.shape().equals(e.getValue().shape()))
        reasons.add(
            e.getKey() + " has shape " + e.getValue().shape() + ", expected " + mine.shape());
      int bad = nonFinite(e.getValue());
      if (bad >= 0)
        reasons.add(e.getKey() + " holds " + e.getValue().get(bad) + " at element " + bad);
    }
    if (reasons.isEmpty()) {
      double norm = update.values().minus(global).norm();
      if (!(norm <= maxNorm))
        reasons.add("changes the adapter by a norm of " + norm + "; allowed is " + maxNorm);
    }
    return reasons;
  }

  private static int nonFinite(Tensor t) {
    for (int i = 0; i < t.size(); i++) if (!Float.isFinite(t.get(i))) return i;
    return -1;
  }
}
