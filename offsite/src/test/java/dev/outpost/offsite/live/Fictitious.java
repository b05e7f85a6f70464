package dev.outpost.offsite.live;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.federated.AdapterValues;
import dev.outpost.offsite.federated.AggregationRule;
import dev.outpost.offsite.federated.FederationPlan;
import dev.outpost.offsite.federated.GlobalState;
import dev.outpost.offsite.federated.LocalPlan;
import dev.outpost.offsite.federated.RoundReport;
import dev.outpost.offsite.federated.ServerOptimizer;
import dev.outpost.offsite.federated.UpdateCheck;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.peft.LoraConfig;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * A federation that never was, as its audit log would tell it: clients by number, two emulators,
 * some late, some missing, some refused. To look at it: {@link #main}.
 */
final class Fictitious {
  static final List<String> EMULATORS = List.of("deep", "half", "quarter");

  final FederationPlan plan;
  final LiveView view;
  final List<JsonObject> log = new ArrayList<>();
  final List<RoundReport> history = new ArrayList<>();
  Instant now = Instant.parse("2026-03-01T09:00:00Z");
  private final List<String> names = new ArrayList<>();
  private final Random random = new Random(5);

  Fictitious(int clients, int rounds) {
    Map<String, Path> packs = new TreeMap<>();
    for (String e : EMULATORS) packs.put(e, Path.of(e));
    Map<String, FederationPlan.Client> parties = new TreeMap<>();
    for (int i = 0; i < clients; i++) {
      names.add("ward-%03d".formatted(i));
      parties.put(names.getLast(), new FederationPlan.Client("half", 0));
    }
    plan =
        new FederationPlan(
            "wards",
            packs,
            parties,
            LoraConfig.of(4),
            LocalPlan.of(3, 2, 1e-2f),
            rounds,
            FederationPlan.Gathering.ALL,
            new AggregationRule.WeightedMean(),
            new ServerOptimizer.Take(),
            UpdateCheck.LENIENT,
            0,
            null,
            7);
    view = new LiveView(plan, () -> now);
  }

  static GlobalState state(int round) {
    return new GlobalState(
        round,
        AdapterValues.NONE,
        new ServerOptimizer.Memory(0, AdapterValues.NONE, AdapterValues.NONE),
        null);
  }

  static BaseFingerprint base() {
    return new BaseFingerprint("0123456789ab".repeat(5) + "0123");
  }

  void tell(String event, String party, JsonObject fields) {
    fields.put("at", now.toString()).put("event", event).put("party", party);
    try {
      log.add(JsonObject.parse("log", fields.toLine()));
    } catch (FormatException e) {
      throw new IllegalStateException(e);
    }
    view.read(log.getLast());
  }

  void later(double seconds) {
    now = now.plusNanos((long) (seconds * 1e9));
  }

  void open(int round, Map<String, String> parties) {
    JsonObject asked = JsonObject.create();
    parties.forEach(asked::put);
    tell("round-open", "server", JsonObject.create().put("round", round).put("parties", asked));
  }

  void fetched(String client, long bytes) {
    tell("fetched", client, JsonObject.create().put("from", 0).put("to", bytes));
  }

  void uploaded(String client, long bytes) {
    tell("uploaded", client, JsonObject.create().put("from", 0).put("to", bytes));
  }

  void accepted(int round, String client, double before, double after) {
    tell("update-accepted", client, JsonObject.create().put("round", round).put("bytes", 4096));
    view.received(round, client, 4096, before, after);
  }

  void refused(String event, String party, String reason) {
    tell(event, party, JsonObject.create().put("reason", reason));
  }

  void close(int round, List<RoundReport.Party> parties) {
    tell("round-closed", "server", JsonObject.create().put("round", round));
    RoundReport report = new RoundReport(round, parties, 1.5 / round);
    history.add(report);
    view.closed(report, state(round));
  }

  static RoundReport.Party party(String client, String emulator, double before, double after) {
    boolean updated = !Double.isNaN(before);
    return new RoundReport.Party(
        client, emulator, updated, "", updated ? 40 : 0, 0.5, before, after);
  }

  /** Runs so many rounds, and leaves the next one open if the plan has one. */
  Fictitious run(int rounds) {
    view.restore(base(), List.of());
    if (rounds > 0) view.measured(0, 31.25);
    for (int round = 1; round <= rounds; round++) round(round, true);
    if (rounds > 0 && rounds < plan.rounds()) round(rounds + 1, false);
    return this;
  }

  private void round(int round, boolean whole) {
    Map<String, String> asked = new TreeMap<>();
    for (String name : names)
      if (names.size() < 5 || random.nextDouble() < 0.6)
        asked.put(
            name,
            EMULATORS.get(random.nextInt(3 - Math.min(round / 4, 2)) + Math.min(round / 4, 2)));
    open(round, asked);
    List<RoundReport.Party> parties = new ArrayList<>();
    int i = 0;
    for (Map.Entry<String, String> e : asked.entrySet()) {
      later(random.nextDouble() * 90 / asked.size());
      double fate = random.nextDouble();
      double before = 3.4 + 1.1 / (round + 1) + random.nextGaussian() * 0.03;
      boolean missing = whole && fate < 0.06;
      if (round == 1) fetched(e.getKey(), 5_400_000 + random.nextInt(900_000));
      fetched(e.getKey(), 180_000);
      if (fate > 0.97)
        refused("update-refused", e.getKey(), "holds NaN in transformer.h.3.attn.lora_A");
      boolean yet = whole || i++ % 3 != 0;
      if (!missing && yet) {
        uploaded(e.getKey(), 180_500);
        accepted(round, e.getKey(), before, before - 0.2 / round);
      }
      parties.add(
          missing
              ? party(e.getKey(), e.getValue(), Double.NaN, Double.NaN)
              : party(e.getKey(), e.getValue(), before, before - 0.2 / round));
    }
    if (!whole) return;
    close(round, parties);
    view.measured(round, 26 + 5.0 / (round + 1));
    for (RoundReport.Party p : parties)
      if (!p.updated() && random.nextBoolean())
        tell("update-late", p.client(), JsonObject.create().put("round", round));
    if (round % 3 == 0)
      refused("turned-away", "-", "the certificate of 127.0.0.1:50412 is of another federation");
  }

  /** {@code clients rounds done port}: shows such a federation until the process is ended. */
  public static void main(String[] args) throws Exception {
    Fictitious f = new Fictitious(Integer.parseInt(args[0]), Integer.parseInt(args[1]));
    f.run(Integer.parseInt(args[2]));
    LiveServer.start(f.view, f.plan.name(), "127.0.0.1", Integer.parseInt(args[3]));
    Thread.currentThread().join();
  }
}
