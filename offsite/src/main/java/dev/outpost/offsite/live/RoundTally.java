package dev.outpost.offsite.live;

import dev.outpost.offsite.federated.RoundReport;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** What is counted of one round. */
final class RoundTally {
  final int round;
  SortedMap<String, String> parties = Collections.emptySortedMap();
  @Nullable Instant opened;
  @Nullable Instant closed;
  boolean over;
  int late;
  int refused;
  double change = Double.NaN;
  double plugIn = Double.NaN;
  long sent;
  long received;
  private final Map<String, Double> delays = new HashMap<>();
  private final Map<String, double[]> losses = new HashMap<>();
  private int handedIn;
  private double before = Double.NaN;
  private double after = Double.NaN;

  RoundTally(int round) {
    this.round = round;
  }

  /** An update counts; its seconds since the opening, NaN where they are not known. */
  double handedIn(String client, Instant at) {
    // A clock that was set back tells nothing.
    Instant from = opened;
    double seconds =
        from == null || at.isBefore(from) ? Double.NaN : Duration.between(from, at).toNanos() / 1e9;
    delays.put(client, seconds);
    return seconds;
  }

  /** Whether an update of this client was heard of. */
  boolean has(String client) {
    return delays.containsKey(client);
  }

  /** A secure sum begins anew: nothing of it counts yet. */
  void anew() {
    delays.clear();
  }

  void told(String client, double lossBefore, double lossAfter) {
    losses.put(client, new double[] {lossBefore, lossAfter});
  }

  /** What the federation kept of it is the truth, and all that is needed from now on. */
  void report(RoundReport report) {
    SortedMap<String, String> asked = new TreeMap<>();
    for (RoundReport.Party p : report.parties()) asked.put(p.client(), p.emulator());
    parties = asked;
    over = true;
    handedIn = (int) report.updates();
    change = report.change();
    before = mean(report, RoundReport.Party::lossBefore);
    after = report.lossAfter();
    losses.clear();
  }

  private static double mean(RoundReport r, ToDoubleFunction<RoundReport.Party> f) {
    return r.parties().stream()
        .mapToDouble(f)
        .filter(Double::isFinite)
        .average()
        .orElse(Double.NaN);
  }

  private double mean(int which, double known) {
    if (Double.isFinite(known)) return known;
    return losses.values().stream()
        .mapToDouble(l -> l[which])
        .filter(Double::isFinite)
        .average()
        .orElse(Double.NaN);
  }

  LiveSnapshot.Round snapshot() {
    SortedMap<String, Integer> emulators = new TreeMap<>();
    for (String e : parties.values()) emulators.merge(e, 1, Integer::sum);
    return new LiveSnapshot.Round(
        round,
        opened,
        closed,
        over,
        parties.size(),
        Math.max(handedIn, delays.size()),
        late,
        refused,
        Collections.unmodifiableSortedMap(emulators),
        LiveSnapshot.Delays.of(
            delays.values().stream()
                .mapToDouble(Double::doubleValue)
                .filter(Double::isFinite)
                .sorted()
                .toArray()),
        mean(0, before),
        mean(1, after),
        change,
        plugIn,
        sent,
        received);
  }
}
