package dev.outpost.offsite.federated;

import dev.outpost.offsite.tune.MethodSettings;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a federation is: who takes part, with which emulators, what is tuned, how often, and how
 * updates become one. A file of JSON; {@code docs/federation.md} tells its fields.
 *
 * @param name of the federation, as {@link ClientName} allows
 * @param emulators packages by the name that parties refer to; folders
 * @param clients who may take part, by name; {@link ClientName#SERVER} is the owner itself
 * @param method what of the adapter is tuned
 * @param local how a party tunes in a round
 * @param rounds how many
 * @param gathering how a round's updates are waited for
 * @param rule how updates become one
 * @param optimizer what the server makes of it
 * @param check what an update must satisfy
 * @param threshold parties needed to open a secure sum; 0 sums in the open
 * @param noise what hides a party; null for nothing
 * @param seed of all that is drawn
 */
public record FederationPlan(
    String name,
    Map<String, Path> emulators,
    Map<String, Client> clients,
    PeftMethod method,
    LocalPlan local,
    int rounds,
    Gathering gathering,
    AggregationRule rule,
    ServerOptimizer optimizer,
    UpdateCheck check,
    int threshold,
    @Nullable Noise noise,
    long seed) {
  private static final int MOST_ROUNDS = 1_000_000;

  /**
   * A party.
   *
   * @param emulator which package it tunes with, unless a controller says otherwise
   * @param rank of its LoRA pairs; 0 for the method's own
   * @param memoryBytes that it allows to tuning; what a controller goes by
   * @param bitsPerSecond of its link; what a controller goes by
   */
  public record Client(String emulator, int rank, long memoryBytes, double bitsPerSecond) {
    /** Ten megabits a second. */
    public static final double USUAL_BITS = 1e7;

    private static final long USUAL_MEMORY = 8L << 30;

    public Client {
      if (memoryBytes < 1 || !(bitsPerSecond > 0))
        throw new IllegalArgumentException(
            "client: memory and link must be positive, got " + memoryBytes + ", " + bitsPerSecond);
    }

    /** With 8 GiB of memory and a link of ten megabits. */
    public Client(String emulator, int rank) {
      this(emulator, rank, USUAL_MEMORY, USUAL_BITS);
    }
  }

  /**
   * How a round's updates are waited for.
   *
   * @param participation share of the clients asked in each round
   * @param quorum updates with which a round may end at its deadline
   * @param deadlineSeconds after which a round ends with what is there; 0 waits for all
   */
  public record Gathering(double participation, int quorum, double deadlineSeconds) {
    public Gathering {
      if (!(participation > 0 && participation <= 1))
        throw new IllegalArgumentException(
            "gathering: participation must be above 0 and at most 1, got " + participation);
      if (quorum < 1)
        throw new IllegalArgumentException("gathering: quorum must be at least 1, got " + quorum);
      if (!(deadlineSeconds >= 0))
        throw new IllegalArgumentException(
            "gathering: deadline must not be negative, got " + deadlineSeconds);
    }

    /** How many of so many clients are asked in a round. */
    int asked(int clients) {
      return Math.min(clients, Math.max(quorum, (int) Math.round(participation * clients)));
    }

    /** Waits for everyone. */
    public static final Gathering ALL = new Gathering(1, 1, 0);
  }

  /**
   * Differential privacy of taking part, against who sees the global adapters.
   *
   * @param noise σ, as a multiple of the clipping length
   * @param clip S, the longest change one party may make
   * @param delta δ of the promise
   */
  public record Noise(double noise, double clip, double delta) {
    public Noise {
      if (!(noise > 0) || !(clip > 0) || !(delta > 0 && delta < 1))
        throw new IllegalArgumentException(
            "dp: noise and clip must be positive and delta between 0 and 1, got "
                + noise
                + ", "
                + clip
                + ", "
                + delta);
    }
  }

  public FederationPlan {
    ClientName.require(name);
    emulators = Collections.unmodifiableMap(new TreeMap<>(emulators));
    clients = Collections.unmodifiableMap(new TreeMap<>(clients));
    emulators.keySet().forEach(ClientName::require);
    clients.keySet().forEach(ClientName::require);
    if (clients.isEmpty())
      throw new IllegalArgumentException("federation: needs at least one client");
    if (rounds < 1 || rounds > MOST_ROUNDS)
      throw new IllegalArgumentException(
          "federation: rounds must be from 1 to " + MOST_ROUNDS + ", got " + rounds);
    if (gathering.quorum() > clients.size())
      throw new IllegalArgumentException(
          "federation: a quorum of "
              + gathering.quorum()
              + " is more than the "
              + clients.size()
              + " clients");
    boolean ranks = false;
    for (Map.Entry<String, Client> e : clients.entrySet()) {
      if (!emulators.containsKey(e.getValue().emulator()))
        throw new IllegalArgumentException(
            "federation: client "
                + e.getKey()
                + " has emulator \""
                + e.getValue().emulator()
                + "\"; known are "
                + emulators.keySet());
      ranks |= e.getValue().rank() > 0;
    }
    boolean lora = method instanceof LoraConfig;
    refuse(ranks && !lora, "ranks of clients mean something for lora and dora only");
    refuse(
        local.scaffold() && lora,
        "scaffold corrects gradients by those of earlier rounds, and LoRA's factors turn when products are combined; use another method, or proximal");
    refuse(
        local.scaffold() && noise != null,
        "scaffold's control variates would go out without noise");
    if (threshold > 0) {
      refuse(
          !(rule instanceof AggregationRule.WeightedMean),
          "a secure sum shows only the sum: the rule must be mean");
      refuse(local.scaffold(), "scaffold's control variates are not part of the secure sum");
      refuse(
          noise != null,
          "dp clips each party's change, which a secure sum does not show; let clients add their own noise");
      int asked = gathering.asked(clients.size());
      refuse(
          threshold <= asked / 2 || threshold > asked,
          "secure threshold must be more than half of the "
              + asked
              + " clients asked in a round, and no more than all of them");
    }
    if (rule instanceof AggregationRule.Krum k) {
      int needs = Math.max(2 * k.faulty() + 3, k.keep() + k.faulty());
      refuse(
          gathering.quorum() < needs,
          "krum needs "
              + needs
              + " updates to bear "
              + k.faulty()
              + " faulty parties, and a round may end with a quorum of "
              + gathering.quorum()
              + "; raise the quorum");
    }
  }

  private static void refuse(boolean wrong, String reason) {
    if (wrong) throw new IllegalArgumentException("federation: " + reason);
  }

  /** What a client tunes: the method with its own rank. */
  public PeftMethod methodOf(String client) {
    int rank = client(client).rank();
    if (rank == 0 || !(method instanceof LoraConfig l)) return method;
    return new LoraConfig(rank, l.alpha(), l.dropout(), l.targets(), l.rankStabilised(), l.dora());
  }

  /** A party of the plan. */
  public Client client(String client) {
    return Objects.requireNonNull(clients.get(client), client);
  }

  /**
   * Reads a plan; paths are relative to its folder.
   *
   * @throws FormatException naming the field, the rule and the cure
   */
  public static FederationPlan read(Path file) throws IOException {
    JsonObject o = JsonObject.read(file);
    o.requireOnly(
        "name",
        "emulators",
        "clients",
        "tune",
        "local",
        "rounds",
        "gathering",
        "aggregation",
        "server",
        "check",
        "secure",
        "dp",
        "seed");
    Path folder = Objects.requireNonNull(file.toAbsolutePath().getParent());
    try {
      Map<String, Path> emulators = new TreeMap<>();
      JsonObject given = o.object("emulators");
      for (String name : given.names()) emulators.put(name, folder.resolve(given.string(name)));
      if (emulators.isEmpty()) throw o.wrong("emulators", "must name at least one package");
      Map<String, Client> clients = new TreeMap<>();
      JsonObject parties = o.object("clients");
      for (String name : parties.names())
        clients.put(name, client(parties.object(name), emulators));
      JsonObject tune = o.object("tune");
      return new FederationPlan(
          o.string("name"),
          emulators,
          clients,
          MethodSettings.read(tune, tune.string("method")),
          PlanFields.local(o.object("local")),
          o.integer("rounds", 1, MOST_ROUNDS),
          gathering(part(o, "gathering"), clients.size()),
          PlanFields.rule(part(o, "aggregation")),
          PlanFields.optimizer(part(o, "server")),
          check(part(o, "check")),
          threshold(part(o, "secure"), clients.size(), o.has("secure")),
          o.has("dp") ? noise(o.object("dp")) : null,
          o.has("seed") ? o.integer("seed") : 42);
    } catch (IllegalArgumentException e) {
      throw new FormatException(file + ": " + e.getMessage(), e);
    }
  }

  private static JsonObject part(JsonObject o, String field) throws FormatException {
    return o.has(field) ? o.object(field) : JsonObject.create();
  }

  private static Client client(JsonObject c, Map<String, Path> emulators) throws FormatException {
    c.requireOnly("emulator", "rank", "memory_mb", "link_mbit");
    String emulator =
        emulators.size() == 1 && !c.has("emulator")
            ? emulators.keySet().iterator().next()
            : c.string("emulator");
    return new Client(
        emulator,
        c.integer("rank", 1, 1 << 16, 0),
        (long) (c.number("memory_mb", Client.USUAL_MEMORY >> 20) * (1 << 20)),
        c.number("link_mbit", Client.USUAL_BITS / 1e6) * 1e6);
  }

  private static Gathering gathering(JsonObject g, int clients) throws FormatException {
    g.requireOnly("participation", "quorum", "deadline_seconds");
    double participation = g.number("participation", 1);
    double deadline = g.number("deadline_seconds", 0);
    // Without a number, most of those who are asked: one slow party must not decide when.
    int most = Math.max(1, (int) Math.ceil(0.5 * participation * clients));
    return new Gathering(participation, g.integer("quorum", 1, 1 << 20, most), deadline);
  }

  private static UpdateCheck check(JsonObject c) throws FormatException {
    c.requireOnly("max_norm", "max_samples");
    return new UpdateCheck(
        c.number("max_norm", Double.POSITIVE_INFINITY),
        c.has("max_samples") ? c.integer("max_samples") : UpdateCheck.LENIENT.maxSamples());
  }

  private static int threshold(JsonObject s, int clients, boolean there) throws FormatException {
    s.requireOnly("threshold");
    return there ? s.integer("threshold", 1, 1 << 20, clients / 2 + 1) : 0;
  }

  private static Noise noise(JsonObject n) throws FormatException {
    n.requireOnly("noise", "clip", "delta");
    for (String field : new String[] {"noise", "clip"})
      if (!n.has(field)) throw n.wrong(field, "is missing; expected a positive number");
    return new Noise(n.number("noise", 0), n.number("clip", 0), n.number("delta", 1e-5));
  }

  /** Everything that changes what comes out, on one line: a resumed federation must share it. */
  String identity() {
    return name
        + "|"
        + clients.keySet()
        + "|"
        + clients.values().stream().map(c -> c.emulator() + "/" + c.rank()).toList()
        + "|"
        + method.describe()
        + "|"
        + local
        + "|"
        + rule
        + "|"
        + optimizer
        + "|"
        + threshold
        + "|"
        + noise
        + "|"
        + gathering.participation()
        + "|"
        + seed;
  }
}
