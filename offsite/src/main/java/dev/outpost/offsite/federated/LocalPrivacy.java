package dev.outpost.offsite.federated;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.privacy.DpSgd;
import dev.outpost.transformer.privacy.RdpAccountant;
import dev.outpost.transformer.privacy.Secret;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A party's own differential privacy over all rounds: DP-SGD in each, and an end when the budget is
 * spent. It protects each example from whoever sees the updates, the server included.
 *
 * @param noise σ of DP-SGD
 * @param clip C, longest gradient of one example
 * @param epsilon budget over all rounds
 * @param delta δ of the promise
 */
public record LocalPrivacy(double noise, float clip, double epsilon, double delta) {
  private static final String LEDGER = "privacy.json";
  private static final String SECRET = "privacy-secret.hex";

  public LocalPrivacy {
    if (!(noise > 0) || !(clip > 0) || !(epsilon > 0) || !(delta > 0 && delta < 1))
      throw new IllegalArgumentException(
          "privacy: noise, clip and epsilon must be positive and delta between 0 and 1, got "
              + noise
              + ", "
              + clip
              + ", "
              + epsilon
              + ", "
              + delta);
  }

  /**
   * What a round may be tuned with.
   *
   * @param dp noise and lots of this round, the same however often it is begun
   * @param spent by all rounds up to this one
   */
  public record Round(DpSgd dp, RdpAccountant.Spent spent) {}

  /**
   * Writes a round into the ledger, and only then allows it.
   *
   * @param folder the party's own
   * @param examples it has
   * @throws BudgetSpentException when this round would go beyond the budget; nothing is written
   */
  Round round(Path folder, int round, LocalPlan local, int examples) throws IOException {
    Path ledger = folder.resolve(LEDGER);
    double rate = DpSgd.rate(Math.min(local.batch(), examples), examples);
    JsonObject before =
        Files.exists(ledger)
            ? JsonObject.read(ledger)
            : JsonObject.create()
                .put("noise", noise)
                .put("clip", (double) clip)
                .put("delta", delta)
                .put("rate", rate)
                .put("steps", 0L)
                .put("last_round", 0L);
    // Steps of one rate and noise add up by themselves; a mixture would need another sum.
    same(before, "noise", noise);
    same(before, "rate", rate);
    same(before, "delta", delta);
    long steps = before.integer("steps");
    if (before.integer("last_round") < round) steps += local.steps();
    RdpAccountant.Spent spent = RdpAccountant.USUAL.spent(rate, noise, steps, delta);
    if (spent.epsilon() > epsilon) throw new BudgetSpentException(round, spent, epsilon);
    JsonObject.create()
        .put("noise", noise)
        .put("clip", (double) clip)
        .put("delta", delta)
        .put("rate", rate)
        .put("steps", steps)
        .put("last_round", Math.max(round, before.integer("last_round")))
        .put("epsilon", spent.epsilon())
        .write(ledger);
    Secret secret = Secret.keptIn(folder.resolve(SECRET)).derived("round/" + round);
    return new Round(new DpSgd(noise, clip, secret), spent);
  }

  private static void same(JsonObject ledger, String field, double now) throws FormatException {
    if (ledger.number(field, Double.NaN) != now)
      throw ledger.wrong(
          field,
          "is "
              + ledger.number(field, Double.NaN)
              + " in the rounds so far and "
              + now
              + " now; keep the settings and the data of a federation to its end");
  }

  /** The next round would give away more than was allowed. */
  public static final class BudgetSpentException extends IOException {
    private static final long serialVersionUID = 1;

    BudgetSpentException(int round, RdpAccountant.Spent spent, double budget) {
      super(
          "privacy: round "
              + round
              + " would bring epsilon to "
              + Math.round(1000 * spent.epsilon()) / 1000.0
              + " at delta "
              + spent.delta()
              + ", more than the budget of "
              + budget
              + "; this party takes no further part");
    }
  }
}
