package dev.outpost.offsite.federated;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.List;

/**
 * What is told about a round that is done.
 *
 * @param round from 1
 * @param parties those asked, in the order of their names
 * @param change Euclidean norm of the global adapter's change
 */
public record RoundReport(int round, List<Party> parties, double change) {
  public RoundReport {
    parties = List.copyOf(parties);
  }

  /**
   * One party in the round.
   *
   * @param client who
   * @param emulator with which package
   * @param updated whether its update counts in the result
   * @param sha256 of the update's file; empty without one
   * @param samples it told; 0 without an update, or under a secure sum
   * @param change Euclidean norm of its change; NaN where it is not seen
   * @param lossBefore nats per token on what it holds back, before; NaN where it is not told
   * @param lossAfter the same after tuning
   */
  public record Party(
      String client,
      String emulator,
      boolean updated,
      String sha256,
      long samples,
      double change,
      double lossBefore,
      double lossAfter) {
    private JsonObject toJson() {
      return JsonObject.create()
          .put("client", client)
          .put("emulator", emulator)
          .put("updated", updated)
          .put("sha256", sha256)
          .put("samples", samples)
          .put("change", Double.toString(change))
          .put("loss_before", Double.toString(lossBefore))
          .put("loss_after", Double.toString(lossAfter));
    }

    private static Party read(JsonObject o) throws FormatException {
      return new Party(
          o.string("client"),
          o.string("emulator"),
          o.bool("updated", false),
          o.string("sha256"),
          o.integer("samples"),
          decimal(o, "change"),
          decimal(o, "loss_before"),
          decimal(o, "loss_after"));
    }
  }

  /** How many updates it was made of. */
  public long updates() {
    return parties.stream().filter(Party::updated).count();
  }

  /** The mean of what parties told, each counting the same; NaN where none did. */
  public double lossAfter() {
    return parties.stream()
        .mapToDouble(Party::lossAfter)
        .filter(Double::isFinite)
        .average()
        .orElse(Double.NaN);
  }

  /** As it is kept. */
  public JsonObject toJson() {
    return JsonObject.create()
        .put("round", round)
        .put("change", Double.toString(change))
        .put("parties", parties.stream().map(Party::toJson).toList());
  }

  static RoundReport read(JsonObject o) throws FormatException {
    List<Party> parties = new ArrayList<>();
    for (JsonObject p : o.objects("parties")) parties.add(Party.read(p));
    return new RoundReport(o.integer("round", 1, Integer.MAX_VALUE), parties, decimal(o, "change"));
  }

  private static double decimal(JsonObject o, String field) throws FormatException {
    try {
      return Double.parseDouble(o.string(field));
    } catch (NumberFormatException e) {
      throw o.wrong(field, "must be a number");
    }
  }
}
