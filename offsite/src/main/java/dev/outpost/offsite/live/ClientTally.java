package dev.outpost.offsite.live;

import dev.outpost.offsite.live.LiveSnapshot.State;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is counted of one client. */
final class ClientTally {
  /** Rounds whose outcome is kept. */
  static final int REMEMBERED = 32;

  final String name;
  String emulator = "";
  int asked;
  int handedIn;
  int late;
  int missing;
  int refused;
  long sent;
  long received;
  double delay = Double.NaN;
  double lossBefore = Double.NaN;
  double lossAfter = Double.NaN;
  @Nullable Instant seen;
  private final StringBuilder outcomes = new StringBuilder();
  private final List<Integer> choices = new ArrayList<>();
  private int latest;

  ClientTally(String name) {
    this.name = name;
  }

  /** A round begins, in which it gets the emulator at this place; −1 if it is not asked. */
  void begin(int round, int choice) {
    outcomes.append((choice < 0 ? State.RESTING : State.ASKED).letter);
    choices.add(choice);
    if (choice >= 0) asked++;
    latest = round;
    if (choices.size() > REMEMBERED) {
      choices.removeFirst();
      outcomes.deleteCharAt(0);
    }
  }

  /** How it stood in a round; null where that is forgotten. */
  @Nullable State state(int round) {
    int at = outcomes.length() - 1 - (latest - round);
    if (at < 0 || at >= outcomes.length()) return null;
    for (State s : State.values()) if (s.letter == outcomes.charAt(at)) return s;
    throw new IllegalStateException(outcomes.toString());
  }

  /** It stands otherwise; nothing changes for a round that is forgotten or did not ask it. */
  void stands(int round, State next) {
    State before = state(round);
    if (before == null || before == State.RESTING || before == next) return;
    outcomes.setCharAt(outcomes.length() - 1 - (latest - round), next.letter);
    count(before, -1);
    count(next, 1);
  }

  private void count(State state, int by) {
    switch (state) {
      case HANDED_IN -> handedIn += by;
      case MISSING -> missing += by;
      case LATE -> late += by;
      case RESTING, ASKED, TUNING, REFUSED -> {}
    }
  }

  LiveSnapshot.Client snapshot() {
    State now = state(latest);
    return new LiveSnapshot.Client(
        name,
        now == null ? State.RESTING : now,
        emulator,
        asked,
        handedIn,
        late,
        missing,
        refused,
        sent,
        received,
        delay,
        lossBefore,
        lossAfter,
        seen,
        outcomes.toString(),
        List.copyOf(choices));
  }
}
