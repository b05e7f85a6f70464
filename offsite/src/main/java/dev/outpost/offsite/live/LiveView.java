package dev.outpost.offsite.live;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.federated.Answer;
import dev.outpost.offsite.federated.FederationListener;
import dev.outpost.offsite.federated.FederationPlan;
import dev.outpost.offsite.federated.GlobalState;
import dev.outpost.offsite.federated.RoundReport;
import dev.outpost.offsite.live.LiveSnapshot.State;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Collects what is shown of a federation. It reads the audit log along, so that after a restart it
 * knows what it knew before, and hears the losses from the federation itself. Of rounds, outcomes
 * and incidents it keeps the last ones, so that its memory has a bound however long it runs. Safe
 * for many threads; holds its lock for moments only, and calls nobody from within.
 */
public final class LiveView implements FederationListener {
  private static final int ROUNDS = 500;
  private static final int INCIDENTS = 60;
  private static final int LONGEST_REASON = 400;

  private final FederationPlan plan;
  private final InstantSource clock;
  private final List<String> emulators;
  private final Map<String, ClientTally> clients = new TreeMap<>();
  private final TreeMap<Integer, RoundTally> rounds = new TreeMap<>();
  private final Deque<LiveSnapshot.Incident> incidents = new ArrayDeque<>();
  private final TotalTally total = new TotalTally();
  private String base = "";
  private double plugInBefore = Double.NaN;
  private int done;
  private long version;

  /** Of a plan, before anything happened. */
  public LiveView(FederationPlan plan, InstantSource clock) {
    this.plan = plan;
    this.clock = clock;
    this.emulators = List.copyOf(new TreeSet<>(plan.emulators().keySet()));
    for (String name : plan.clients().keySet()) clients.put(name, new ClientTally(name));
  }

  /** Of the model and the rounds that an earlier process ended; the log's lines come before. */
  public synchronized void restore(BaseFingerprint base, List<RoundReport> history) {
    version++;
    this.base = base.brief();
    for (RoundReport r : history) report(r, null);
  }

  /** A line of the audit log, old or new. What is unknown in it is passed over. */
  public synchronized void read(JsonObject line) {
    version++;
    try {
      Instant at = Instant.parse(line.string("at"));
      String party = line.string("party");
      String event = line.string("event");
      ClientTally client = clients.get(party);
      switch (event) {
        case "round-open" -> open(round(line), at, line.object("parties"));
        case "round-closed" -> {
          RoundTally r = rounds.get(round(line));
          if (r != null) r.closed = at;
        }
        case "update-accepted" -> handedIn(round(line), client, at);
        case "message-accepted" -> {
          if (line.string("phase").equals("MASKED")) handedIn(round(line), client, at);
        }
        case "update-late" -> late(round(line), client);
        case "update-refused", "message-refused" -> {
          total.refused++;
          refused(client);
          incident(at, party, event, line.string("reason"));
        }
        case "secure-sum-begun-anew" -> {
          anew(round(line));
          incident(at, party, event, "a party was lost on the way; the round's sum begins again");
        }
        case "fetched", "fetch-broken" -> sent(client, line.integer("to") - line.integer("from"));
        case "uploaded" -> received(client, line.integer("to") - line.integer("from"));
        case "refused", "broken", "turned-away" -> {
          total.turnedAway++;
          incident(at, party, event, line.string("reason"));
        }
        default -> {}
      }
      if (client != null && !event.equals("turned-away")) client.seen = at;
    } catch (FormatException | DateTimeException e) {
      // A line of another version: it is in the log, which is the proof; this is a view.
    }
  }

  private static int round(JsonObject line) throws FormatException {
    return line.integer("round", 1, Integer.MAX_VALUE);
  }

  private void open(int number, Instant at, JsonObject parties) throws FormatException {
    SortedMap<String, String> asked = new TreeMap<>();
    for (String c : parties.names()) asked.put(c, parties.string(c));
    RoundTally r = begin(number, asked);
    if (r.opened == null) r.opened = at;
    else if (plan.threshold() > 0) anew(number);
  }

  private RoundTally begin(int number, SortedMap<String, String> asked) {
    RoundTally known = rounds.get(number);
    if (known != null) return known;
    RoundTally r = new RoundTally(number);
    r.parties = asked;
    boolean next = rounds.isEmpty() || number > rounds.lastKey();
    rounds.put(number, r);
    // The log knew later ones, but not this: no client can say any more how it stood.
    if (!next) return r;
    if (rounds.size() > ROUNDS) rounds.pollFirstEntry();
    for (ClientTally c : clients.values()) {
      String emulator = asked.get(c.name);
      c.begin(number, emulator == null ? -1 : emulators.indexOf(emulator));
      if (emulator != null) c.emulator = emulator;
    }
    return r;
  }

  private @Nullable RoundTally latest() {
    return rounds.isEmpty() ? null : rounds.lastEntry().getValue();
  }

  private void handedIn(int number, @Nullable ClientTally client, Instant at) {
    RoundTally r = rounds.get(number);
    if (r == null || client == null || r.has(client.name)) return;
    double seconds = r.handedIn(client.name, at);
    client.delay = seconds;
    client.stands(number, State.HANDED_IN);
    total.delay(seconds);
  }

  private void late(int number, @Nullable ClientTally client) {
    total.late++;
    RoundTally r = rounds.get(number);
    if (r != null) r.late++;
    if (client != null) client.stands(number, State.LATE);
  }

  private void refused(@Nullable ClientTally client) {
    RoundTally r = latest();
    if (r != null && !r.over) r.refused++;
    if (client == null) return;
    client.refused++;
    if (r != null && client.state(r.round) != State.HANDED_IN)
      client.stands(r.round, State.REFUSED);
  }

  private void anew(int number) {
    RoundTally r = rounds.get(number);
    if (r == null || r.over) return;
    r.anew();
    for (ClientTally c : clients.values()) c.stands(number, State.ASKED);
  }

  private void sent(@Nullable ClientTally client, long bytes) {
    total.sent += bytes;
    RoundTally r = latest();
    if (r != null) r.sent += bytes;
    if (client == null) return;
    client.sent += bytes;
    // Who fetches was told to tune, also where only the log still knows.
    if (r != null && !r.over && client.state(r.round) == State.ASKED)
      client.stands(r.round, State.TUNING);
  }

  private void received(@Nullable ClientTally client, long bytes) {
    total.received += bytes;
    if (client != null) client.received += bytes;
    RoundTally r = latest();
    if (r != null) r.received += bytes;
  }

  private void incident(Instant at, String party, String what, String reason) {
    String brief =
        reason.length() > LONGEST_REASON ? reason.substring(0, LONGEST_REASON) + "…" : reason;
    incidents.addFirst(new LiveSnapshot.Incident(at, party, what, brief));
    if (incidents.size() > INCIDENTS) incidents.removeLast();
  }

  @Override
  public synchronized void answered(String client, Answer answer) {
    version++;
    ClientTally c = clients.get(client);
    if (c == null) return;
    c.seen = clock.instant();
    switch (answer) {
      case Answer.Tune t -> c.stands(t.assignment().round(), State.TUNING);
      case Answer.Speak s -> {
        int round = s.assignment().round();
        if (c.state(round) != State.HANDED_IN) c.stands(round, State.TUNING);
      }
      case Answer.Wait w -> {}
      case Answer.Finished f -> {}
    }
  }

  @Override
  public synchronized void received(
      int round, String client, long bytes, double lossBefore, double lossAfter) {
    version++;
    RoundTally r = rounds.get(round);
    if (r != null) r.told(client, lossBefore, lossAfter);
    losses(client, lossBefore, lossAfter);
  }

  private void losses(String client, double before, double after) {
    ClientTally c = clients.get(client);
    if (c == null) return;
    c.lossBefore = before;
    c.lossAfter = after;
  }

  @Override
  public synchronized void closed(RoundReport report, GlobalState state) {
    version++;
    report(report, clock.instant());
  }

  /** What a round came to; outcomes that the log does not hold are set right. */
  private void report(RoundReport report, @Nullable Instant at) {
    int number = report.round();
    done = Math.max(done, number);
    total.accepted += report.updates();
    total.missing += report.parties().size() - report.updates();
    if (!rounds.isEmpty() && number < rounds.firstKey()) return;
    SortedMap<String, String> asked = new TreeMap<>();
    for (RoundReport.Party p : report.parties()) asked.put(p.client(), p.emulator());
    RoundTally r = begin(number, asked);
    r.report(report);
    if (r.closed == null) r.closed = at;
    for (RoundReport.Party p : report.parties()) {
      ClientTally c = clients.get(p.client());
      if (p.updated()) {
        losses(p.client(), p.lossBefore(), p.lossAfter());
        if (c != null) c.stands(number, State.HANDED_IN);
      } else if (c != null && c.state(number) != State.LATE) c.stands(number, State.MISSING);
    }
  }

  /** The full model's perplexity with a round's adapter; round 0 is before the first. */
  public synchronized void measured(int round, double perplexity) {
    version++;
    if (round == 0) plugInBefore = perplexity;
    RoundTally r = rounds.get(round);
    if (r != null) r.plugIn = perplexity;
  }

  /** All of it, now. */
  public synchronized LiveSnapshot snapshot() {
    List<LiveSnapshot.Round> some = new ArrayList<>(rounds.size());
    for (RoundTally r : rounds.values()) some.add(r.snapshot());
    List<LiveSnapshot.Client> all = new ArrayList<>(clients.size());
    for (ClientTally c : clients.values()) all.add(c.snapshot());
    return new LiveSnapshot(
        version,
        clock.instant(),
        plan.name(),
        base,
        plan.rounds(),
        done,
        emulators,
        some,
        all,
        List.copyOf(incidents),
        plugInBefore,
        total.snapshot());
  }

  /** Changes whenever a snapshot would. */
  public synchronized long version() {
    return version;
  }
}
