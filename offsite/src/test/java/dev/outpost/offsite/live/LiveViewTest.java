package dev.outpost.offsite.live;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.federated.Answer;
import dev.outpost.offsite.live.LiveSnapshot.State;
import dev.outpost.tensor.io.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class LiveViewTest {
  private static LiveSnapshot.Client client(LiveSnapshot s, int i) {
    return s.clients().get(i);
  }

  private static LiveSnapshot.Round last(LiveSnapshot s) {
    return s.rounds().getLast();
  }

  @Test
  void knowsNothingBeforeTheFirstRound() {
    LiveSnapshot s = new Fictitious(3, 5).view.snapshot();
    assertThat(s.rounds()).isEmpty();
    assertThat(s.done()).isZero();
    assertThat(s.planned()).isEqualTo(5);
    assertThat(s.base()).isEmpty();
    assertThat(s.clients()).hasSize(3);
    assertThat(s.clients()).allMatch(c -> c.state() == State.RESTING && c.seen() == null);
  }

  @Test
  void followsARoundFromItsOpeningToItsEnd() {
    Fictitious f = new Fictitious(4, 2);
    f.open(1, Map.of("ward-000", "half", "ward-001", "deep", "ward-002", "half"));
    assertThat(f.view.snapshot().clients())
        .extracting(LiveSnapshot.Client::state)
        .containsExactly(State.ASKED, State.ASKED, State.ASKED, State.RESTING);
    f.later(2);
    f.fetched("ward-000", 1000);
    f.view.answered("ward-003", new Answer.Wait(Duration.ofSeconds(1)));
    f.later(8);
    f.uploaded("ward-000", 300);
    f.accepted(1, "ward-000", 3, 2.5);
    f.refused("update-refused", "ward-001", "is huge");
    LiveSnapshot s = f.view.snapshot();
    assertThat(client(s, 0).state()).isEqualTo(State.HANDED_IN);
    assertThat(client(s, 0).delay()).isEqualTo(10);
    assertThat(client(s, 0).sent()).isEqualTo(1000);
    assertThat(client(s, 0).received()).isEqualTo(300);
    assertThat(client(s, 1).state()).isEqualTo(State.REFUSED);
    assertThat(client(s, 1).emulator()).isEqualTo("deep");
    assertThat(client(s, 3).seen()).isEqualTo(f.now.minusSeconds(8));
    assertThat(last(s).handedIn()).isEqualTo(1);
    assertThat(last(s).refused()).isEqualTo(1);
    assertThat(last(s).missing()).as("still open").isZero();
    assertThat(last(s).lossBefore()).isEqualTo(3);
    assertThat(last(s).emulators()).isEqualTo(Map.of("deep", 1, "half", 2));
    f.later(10);
    f.accepted(1, "ward-001", 4, 3);
    f.close(
        1,
        List.of(
            Fictitious.party("ward-000", "half", 3, 2.5),
            Fictitious.party("ward-001", "deep", 4, 3),
            Fictitious.party("ward-002", "half", Double.NaN, Double.NaN)));
    f.view.measured(1, 17);
    s = f.view.snapshot();
    assertThat(last(s).delays()).isEqualTo(new LiveSnapshot.Delays(10, 15, 20));
    assertThat(last(s).lossBefore()).isEqualTo(3.5);
    assertThat(last(s).lossAfter()).isEqualTo(2.75);
    assertThat(last(s).plugIn()).isEqualTo(17);
    assertThat(last(s).missing()).isEqualTo(1);
    assertThat(client(s, 2).state()).isEqualTo(State.MISSING);
    assertThat(s.done()).isEqualTo(1);
    f.tell("update-late", "ward-002", JsonObject.create().put("round", 1));
    s = f.view.snapshot();
    assertThat(client(s, 2).state()).isEqualTo(State.LATE);
    assertThat(client(s, 2).late()).isEqualTo(1);
    assertThat(client(s, 2).missing()).isZero();
    assertThat(last(s).late()).isEqualTo(1);
    f.open(2, Map.of("ward-002", "quarter"));
    s = f.view.snapshot();
    assertThat(client(s, 2).outcomes()).isEqualTo("la");
    assertThat(client(s, 2).choices())
        .extracting(Fictitious.EMULATORS::get)
        .containsExactly("half", "quarter");
    assertThat(client(s, 0).outcomes()).isEqualTo("h.");
    assertThat(client(s, 0).choices()).containsExactly(1, -1);
  }

  @Test
  void theLogAndTheHistoryTellANewProcessAllOfIt() {
    Fictitious f = new Fictitious(20, 12).run(9);
    LiveView again = new LiveView(f.plan, () -> f.now);
    f.log.forEach(again::read);
    again.restore(Fictitious.base(), f.history);
    again.measured(0, 31.25);
    for (int round = 1; round <= 9; round++) again.measured(round, 26 + 5.0 / (round + 1));
    // Of the round that is open, losses come with each update and lie in no log.
    assertThat(LiveJson.of(whole(again.snapshot())).without("memory").toLine())
        .isEqualTo(LiveJson.of(whole(f.view.snapshot())).without("memory").toLine());
  }

  private static LiveSnapshot whole(LiveSnapshot s) {
    return new LiveSnapshot(
        0,
        s.at(),
        s.federation(),
        s.base(),
        s.planned(),
        s.done(),
        s.emulators(),
        s.rounds().subList(0, s.rounds().size() - 1),
        s.clients().stream()
            .map(c ->
                c.state() == State.HANDED_IN
                    ? new LiveSnapshot.Client(
                        c.name(),
                        c.state(),
                        c.emulator(),
                        c.asked(),
                        c.handedIn(),
                        c.late(),
                        c.missing(),
                        c.refused(),
                        c.sent(),
                        c.received(),
                        c.delay(),
                        0,
                        0,
                        c.seen(),
                        c.outcomes(),
                        c.choices())
                    : c)
            .toList(),
        s.incidents(),
        s.plugInBefore(),
        s.totals());
  }

  @Test
  void aCrashBetweenTwoFilesLosesNoUpdateAndCountsNoneTwice() {
    Fictitious f = new Fictitious(2, 3);
    f.open(1, Map.of("ward-000", "half", "ward-001", "half"));
    f.accepted(1, "ward-000", 3, 2);
    // The server died after ward-001's update was kept, before it stood in the log.
    f.open(1, Map.of("ward-000", "half", "ward-001", "half"));
    f.close(
        1,
        List.of(
            Fictitious.party("ward-000", "half", 3, 2),
            Fictitious.party("ward-001", "half", 3, 2)));
    LiveSnapshot s = f.view.snapshot();
    assertThat(last(s).handedIn()).isEqualTo(2);
    assertThat(s.totals().accepted()).isEqualTo(2);
    assertThat(s.totals().missing()).isZero();
    assertThat(s.clients())
        .allMatch(c -> c.asked() == 1 && c.handedIn() == 1 && c.outcomes().equals("h"));
  }

  @Test
  void memoryHasABoundHoweverLongItRuns() {
    Fictitious f = new Fictitious(2, 100_000);
    for (int round = 1; round <= 700; round++) {
      f.open(round, Map.of("ward-000", "half"));
      f.refused("refused", "ward-000", "x".repeat(5000));
      f.close(round, List.of(Fictitious.party("ward-000", "half", 3, 2)));
    }
    LiveSnapshot s = f.view.snapshot();
    assertThat(s.rounds()).hasSize(500);
    assertThat(last(s).round()).isEqualTo(700);
    assertThat(client(s, 0).outcomes())
        .hasSize(ClientTally.REMEMBERED)
        .containsOnlyOnce("h".repeat(32));
    assertThat(client(s, 0).handedIn()).isEqualTo(700);
    assertThat(s.incidents()).hasSize(60).allMatch(i -> i.reason().length() <= 401);
    assertThat(s.totals().turnedAway()).isEqualTo(700);
    assertThat(s.totals().accepted()).isEqualTo(700);
  }

  @Test
  void aClockThatWasSetBackTellsNoDelay() {
    Fictitious f = new Fictitious(1, 1);
    f.open(1, Map.of("ward-000", "half"));
    f.later(-3600);
    f.accepted(1, "ward-000", 3, 2);
    LiveSnapshot s = f.view.snapshot();
    assertThat(client(s, 0).delay()).isNaN();
    assertThat(last(s).delays()).isEqualTo(LiveSnapshot.Delays.NONE);
    assertThat(last(s).handedIn()).isEqualTo(1);
  }

  @Test
  void linesThatItDoesNotKnowAreOnlySeen() throws Exception {
    Fictitious f = new Fictitious(1, 1);
    f.tell("a-new-event", "ward-000", JsonObject.create());
    f.tell("update-accepted", "ward-000", JsonObject.create().put("round", "one"));
    f.tell("update-accepted", "nobody", JsonObject.create().put("round", 9));
    f.view.read(JsonObject.parse("line", "{\"at\":\"yesterday\",\"party\":\"-\",\"event\":\"x\"}"));
    LiveSnapshot s = f.view.snapshot();
    assertThat(client(s, 0).seen()).isEqualTo(f.now);
    assertThat(s.rounds()).isEmpty();
  }

  @Test
  void aSumThatBeginsAnewCountsNothingOfTheOldOne() {
    Fictitious f = new Fictitious(2, 2);
    f.open(1, Map.of("ward-000", "half", "ward-001", "half"));
    JsonObject masked = JsonObject.create().put("round", 1).put("phase", "MASKED");
    f.tell("message-accepted", "ward-000", masked);
    assertThat(client(f.view.snapshot(), 0).state()).isEqualTo(State.HANDED_IN);
    f.tell("secure-sum-begun-anew", "server", JsonObject.create().put("round", 1));
    LiveSnapshot s = f.view.snapshot();
    assertThat(client(s, 0).state()).isEqualTo(State.ASKED);
    assertThat(client(s, 0).handedIn()).isZero();
    assertThat(last(s).handedIn()).isZero();
    assertThat(s.incidents()).hasSize(1);
  }

  @Test
  void everyChangeHasAVersionOfItsOwn() {
    Fictitious f = new Fictitious(1, 1);
    long before = f.view.version();
    f.view.answered("ward-000", new Answer.Wait(Duration.ZERO));
    assertThat(f.view.version()).isGreaterThan(before);
    assertThat(client(f.view.snapshot(), 0).seen())
        .isEqualTo(Instant.parse("2026-03-01T09:00:00Z"));
  }
}
