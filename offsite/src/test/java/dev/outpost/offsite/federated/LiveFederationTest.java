package dev.outpost.offsite.federated;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.live.LiveSnapshot;
import dev.outpost.offsite.live.LiveView;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A view of a federation that really runs, before and after a restart. */
final class LiveFederationTest {
  private static final InstantSource CLOCK = InstantSource.fixed(Instant.ofEpochSecond(1_000));

  @TempDir Path dir;

  private LiveSnapshot run(TinyFederation t, boolean parties) throws Exception {
    LiveView view = new LiveView(t.plan, CLOCK);
    try (AuditLog audit = AuditLog.open(dir.resolve("server/audit.jsonl"), CLOCK, view::read);
        Federation f =
            Federation.open(
                dir.resolve("server"),
                t.plan,
                t.source,
                Director.drawing(t.plan),
                TinyFederation.KERNELS,
                audit,
                t.now::get,
                view.and(FederationListener.SILENT))) {
      view.restore(f.base(), f.history());
      while (parties && !f.finished())
        for (String client : t.plan.clients().keySet())
          try (Participant p =
              t.participant(f, "server", client, null, new StopsWhenDone(client, view))) {
            p.run();
          }
      return view.snapshot();
    }
  }

  /** Ends a ward's run once its update is in, so that one thread can be all three in turn. */
  private record StopsWhenDone(String client, LiveView view) implements Participant.Listener {
    @Override
    public boolean stopRequested() {
      LiveSnapshot s = view.snapshot();
      if (s.done() == s.planned()) return false;
      return s.clients().stream()
          .anyMatch(c -> c.name().equals(client) && c.state() == LiveSnapshot.State.HANDED_IN);
    }
  }

  @Test
  void everyRoundIsSeenAndKnownAgain() throws Exception {
    TinyFederation t = new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL);
    LiveSnapshot seen = run(t, true);
    assertThat(seen.done()).isEqualTo(3);
    assertThat(seen.rounds()).hasSize(3);
    assertThat(seen.rounds())
        .allMatch(r -> r.over() && r.handedIn() == 3 && r.missing() == 0)
        .allMatch(r -> r.lossAfter() < r.lossBefore())
        .allMatch(r -> r.delays().median() == 0 && r.change() > 0)
        .allMatch(r -> r.emulators().get("half") == 2 && r.emulators().get("whole") == 1);
    assertThat(seen.clients()).allMatch(c -> c.outcomes().equals("hhh") && c.delay() == 0);
    assertThat(seen.totals().accepted()).isEqualTo(9);
    LiveSnapshot again = run(t, false);
    assertThat(again.rounds()).isEqualTo(seen.rounds());
    assertThat(again.clients()).isEqualTo(seen.clients());
    assertThat(again.totals()).isEqualTo(seen.totals());
    assertThat(again.base()).isEqualTo(seen.base()).hasSize(12);
  }
}
