package dev.outpost.offsite.live;

import java.time.Instant;
import java.util.List;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * A federation at a moment, as it is shown.
 *
 * @param version another one whenever anything changed
 * @param at the moment
 * @param federation its name
 * @param base short fingerprint of the model; empty before it is known
 * @param planned rounds in all
 * @param done rounds that are done
 * @param emulators their names; a client's choices are places in this list
 * @param rounds the last ones, the open one at the end
 * @param clients by name
 * @param incidents the last ones, the latest first
 * @param plugInBefore the full model's perplexity before the first round; NaN when not measured
 * @param totals since the federation began
 */
public record LiveSnapshot(
    long version,
    Instant at,
    String federation,
    String base,
    int planned,
    int done,
    List<String> emulators,
    List<Round> rounds,
    List<Client> clients,
    List<Incident> incidents,
    double plugInBefore,
    Totals totals) {
  /** How a client stands in a round; the letter stands for it where many are told at once. */
  public enum State {
    /** Not asked in this round. */
    RESTING('.'),
    /** Asked, and has not called since. */
    ASKED('a'),
    /** Was told what to tune, or sends messages of a secure sum. */
    TUNING('t'),
    /** Its update counts. */
    HANDED_IN('h'),
    /** Its update came when the round was over. */
    LATE('l'),
    /** The round ended without it. */
    MISSING('m'),
    /** Its update was refused, and no other came. */
    REFUSED('r');

    final char letter;

    State(char letter) {
      this.letter = letter;
    }
  }

  /**
   * A round. Losses are nats per token, the mean over the clients that told them; what is not known
   * is NaN.
   *
   * @param round from 1
   * @param opened the first time; null when the log does not tell
   * @param closed null while it is open, or when the log does not tell
   * @param over whether it is done
   * @param emulators how many clients got which
   * @param delays seconds from the opening to an update: least, median, most
   * @param change Euclidean norm of the global adapter's change
   * @param plugIn the full model's perplexity with its adapter
   * @param sent bytes of files, while it was the open round
   * @param received the same
   */
  public record Round(
      int round,
      @Nullable Instant opened,
      @Nullable Instant closed,
      boolean over,
      int asked,
      int handedIn,
      int late,
      int refused,
      SortedMap<String, Integer> emulators,
      Delays delays,
      double lossBefore,
      double lossAfter,
      double change,
      double plugIn,
      long sent,
      long received) {
    /** Clients without whom it ended. */
    public int missing() {
      return over ? asked - handedIn : 0;
    }
  }

  /** Seconds; NaN before there is one. */
  public record Delays(double least, double median, double most) {
    /** Of none. */
    static final Delays NONE = new Delays(Double.NaN, Double.NaN, Double.NaN);

    /** Of these, which must be sorted. */
    static Delays of(double[] sorted) {
      int n = sorted.length;
      return n == 0
          ? NONE
          : new Delays(sorted[0], (sorted[(n - 1) / 2] + sorted[n / 2]) / 2, sorted[n - 1]);
    }
  }

  /**
   * A client.
   *
   * @param state in the latest round
   * @param emulator in the latest round that asked it, or empty
   * @param asked in so many rounds
   * @param delay seconds of its last update; NaN without one
   * @param lossBefore of its last update; NaN where it does not tell
   * @param seen when it last called; null if never
   * @param outcomes a {@link State} letter for each of the last rounds, the open one at the end
   * @param choices for the same rounds the place of its emulator, −1 where it was not asked
   */
  public record Client(
      String name,
      State state,
      String emulator,
      int asked,
      int handedIn,
      int late,
      int missing,
      int refused,
      long sent,
      long received,
      double delay,
      double lossBefore,
      double lossAfter,
      @Nullable Instant seen,
      String outcomes,
      List<Integer> choices) {}

  /**
   * Something that was refused, or went wrong.
   *
   * @param party whom it concerns; {@code -} for nobody known
   * @param what as the audit log calls it
   * @param reason in words, possibly from outside: text, whatever it holds
   */
  public record Incident(Instant at, String party, String what, String reason) {}

  /**
   * Sums over all rounds.
   *
   * @param refused updates and messages
   * @param turnedAway connections and calls
   * @param delays how many updates took at most so many seconds: {@link #BOUNDS}, then all
   */
  public record Totals(
      long accepted,
      long late,
      long missing,
      long refused,
      long turnedAway,
      long sent,
      long received,
      List<Long> delays,
      double delaySeconds) {
    /** Bounds of the delays' histogram, in seconds. */
    public static final List<Double> BOUNDS =
        List.of(1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0);
  }
}
