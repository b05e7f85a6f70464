package dev.outpost.offsite.live;

import dev.outpost.offsite.live.LiveSnapshot.Totals;
import java.util.ArrayList;
import java.util.List;

/** What is counted over all rounds. */
final class TotalTally {
  long accepted;
  long late;
  long missing;
  long refused;
  long turnedAway;
  long sent;
  long received;
  private final long[] delays = new long[Totals.BOUNDS.size() + 1];
  private double delaySeconds;

  /** An update came after so many seconds; NaN where that is not known. */
  void delay(double seconds) {
    if (Double.isNaN(seconds)) return;
    delaySeconds += seconds;
    delays[Totals.BOUNDS.size()]++;
    for (int i = 0; i < Totals.BOUNDS.size(); i++) if (seconds <= Totals.BOUNDS.get(i)) delays[i]++;
  }

  Totals snapshot() {
    List<Long> counts = new ArrayList<>();
    for (long n : delays) counts.add(n);
    return new Totals(
        accepted,
        late,
        missing,
        refused,
        turnedAway,
        sent,
        received,
        List.copyOf(counts),
        delaySeconds);
  }
}
