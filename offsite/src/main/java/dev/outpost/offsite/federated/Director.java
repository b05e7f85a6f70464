package dev.outpost.offsite.federated;

import dev.outpost.tensor.random.RandomStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Decides before each round who takes part and with which emulator. Asked once per round: the
 * answer is kept before anyone hears of it.
 */
@FunctionalInterface
public interface Director {
  /**
   * Emulators' names by client, of those that take part; at least one.
   *
   * @param round from 1
   * @param history what is known of the rounds so far, the last at the end
   */
  SortedMap<String, String> direct(int round, List<RoundReport> history);

  /**
   * The plan's emulators, and a share of the clients drawn afresh each round: a fixed number, or
   * with differential privacy each client by itself, as the accountant counts.
   */
  static Director drawing(FederationPlan plan) {
    return (round, history) -> {
      List<String> all = new ArrayList<>(plan.clients().keySet());
      double share = plan.gathering().participation();
      SortedMap<String, String> chosen = new TreeMap<>();
      for (int attempt = 0; chosen.isEmpty(); attempt++) {
        RandomStream random =
            RandomStream.of(plan.seed(), "federation.clients." + round + "." + attempt);
        if (plan.noise() != null) {
          for (String c : all) if (random.nextDouble() < share) chosen.put(c, "");
        } else {
          int n = plan.gathering().asked(all.size());
          int[] order = new int[all.size()];
          for (int i = 0; i < order.length; i++) order[i] = i;
          random.shuffle(order);
          for (int i = 0; i < n; i++) chosen.put(all.get(order[i]), "");
        }
      }
      chosen.replaceAll((c, none) -> plan.client(c).emulator());
      return chosen;
    };
  }

  /** As {@link #drawing} does, written out for those who take part anyway. */
  static Director everyone(Map<String, String> emulators) {
    return (round, history) -> new TreeMap<>(emulators);
  }
}
