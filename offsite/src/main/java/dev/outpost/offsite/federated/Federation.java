package dev.outpost.offsite.federated;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.privacy.RdpAccountant;
import dev.outpost.transformer.privacy.Secret;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The model owner's side of a federation: opens rounds, takes updates, makes the next global
 * adapter of them. Everything that was promised to a party lies on disk before the promise is made,
 * so that a server that is killed at any moment goes on where it stood:
 *
 * <pre>
 * state/000003.safetensors    all that three rounds led to; its coming into being ends round 3
 * rounds/000004/opening.json  who is asked in round 4, and with which emulator
 * rounds/000004/ward-a.update what ward-a handed in
 * global/…                    adapters as parties fetch them, made again from the state when lost
 * </pre>
 *
 * <p>With all parties asked and no deadline the result is the same bits whatever fails on the way.
 * Safe for many threads.
 */
public final class Federation implements AutoCloseable {
  private static final Duration POLL = Duration.ofSeconds(20);
  private static final String UPDATE = ".update";
  private static final int MOST_FAILURES = 8;

  private final Path folder;
  private final FederationPlan plan;
  private final Emulators original;
  private final EmulatorSource source;
  private final Director director;
  private final Aggregation aggregation;
  private final AuditLog audit;
  private final LongSupplier nanos;
  private final FederationListener listener;
  private final Set<String> told = new TreeSet<>();
  private final List<RoundReport> history = new ArrayList<>();
  private final Map<Integer, Map<String, String>> accepted = new HashMap<>();
  private Emulators emulators;
  private GlobalState state;
  private @Nullable Opening opening;
  private @Nullable CompletableFuture<Emulators> preparation;

  /** A round that is open. */
  private static final class Opening {
    final int round;
    final SortedMap<String, String> emulators;
    final Map<String, Assignment> assignments = new TreeMap<>();
    final Map<String, AdapterValues> starts = new TreeMap<>();
    final Map<String, Path> updates = new TreeMap<>();
    int attempt;
    int failures;
    @Nullable SecureRound secure;
    long since;

    Opening(int round, SortedMap<String, String> emulators, int attempt, long since) {
      this.round = round;
      this.emulators = emulators;
      this.attempt = attempt;
      this.since = since;
    }
  }

  private Federation(
      Path folder,
      FederationPlan plan,
      Emulators emulators,
      EmulatorSource source,
      Director director,
      Aggregation aggregation,
      AuditLog audit,
      LongSupplier nanos,
      FederationListener listener,
      GlobalState state) {
    this.folder = folder;
    this.plan = plan;
    this.original = emulators;
    this.emulators = emulators;
    this.source = source;
    this.director = director;
    this.aggregation = aggregation;
    this.audit = audit;
    this.nanos = nanos;
    this.listener = listener;
    this.state = state;
  }

  /**
   * Begins a federation in an empty folder, or goes on with the one that lies there.
   *
   * @param source what renews the packages before a round; {@link EmulatorSource#FIXED} for nothing
   * @param director who decides on parties and emulators; {@link Director#drawing} without control
   * @param nanos a clock that only moves forward, for deadlines; {@code System::nanoTime}
   * @throws FormatException when the folder holds a federation of another plan
   */
  public static Federation open(
      Path folder,
      FederationPlan plan,
      EmulatorSource source,
      Director director,
      Kernels kernels,
      AuditLog audit,
      LongSupplier nanos,
      FederationListener listener)
      throws IOException {
    Emulators emulators = Emulators.open(plan.emulators());
    Files.createDirectories(folder.resolve("incoming"));
    Secret secret =
        plan.noise() == null ? Secret.ofSeed(0) : Secret.keptIn(folder.resolve("noise-secret.hex"));
    Aggregation aggregation = aggregation(plan, kernels, secret);
    String identity = emulators.base() + "|" + plan.identity();
    List<Path> states = states(folder);
    if (states.isEmpty()) {
      AdapterValues start;
      try (OffsitePackage p = OffsitePackage.open(emulators.folders().values().iterator().next())) {
        start = LocalTuning.start(p, plan.method(), plan.seed());
      }
      aggregation
          .start(start, plan.local().scaffold())
          .write(stateFile(folder, 0), identity, JsonObject.create());
      audit.add(
          "federation-begun",
          ClientName.SERVER,
          JsonObject.create()
              .put("federation", plan.name())
              .put("base_fingerprint", emulators.base().sha256())
              .put("plan", plan.identity()));
      states = states(folder);
    }
    List<RoundReport> history = new ArrayList<>();
    GlobalState last = null;
    for (Path p : states) {
      GlobalState.Stored stored = GlobalState.read(p, identity);
      last = stored.state();
      if (last.round() > 0) history.add(RoundReport.read(stored.report()));
    }
    Federation f =
        new Federation(
            folder,
            plan,
            emulators,
            source,
            director,
            aggregation,
            audit,
            nanos,
            listener,
            Objects.requireNonNull(last));
    for (RoundReport r : history) f.remember(r);
    return f;
  }

  private static Aggregation aggregation(FederationPlan plan, Kernels kernels, Secret secret) {
    FederationPlan.Noise n = plan.noise();
    ServerNoise noise =
        n == null
            ? null
            : new ServerNoise(
                n.noise(),
                n.clip(),
                plan.gathering().participation() * plan.clients().size(),
                secret);
    return Aggregation.of(
        plan.rule(), plan.optimizer(), plan.method(), kernels, plan.seed(), noise);
  }

  private static Path stateFile(Path folder, int round) {
    return folder.resolve("state").resolve("%06d.safetensors".formatted(round));
  }

  private static List<Path> states(Path folder) throws IOException {
    Path all = folder.resolve("state");
    if (!Files.isDirectory(all)) return List.of();
    try (Stream<Path> s = Files.list(all)) {
      return s.filter(p -> p.getFileName().toString().matches("[0-9]{6,7}\\.safetensors"))
          .sorted()
          .toList();
    }
  }

  private void remember(RoundReport r) {
    Map<String, String> digests = new HashMap<>();
    for (RoundReport.Party p : r.parties()) if (p.updated()) digests.put(p.client(), p.sha256());
    history.add(r);
    accepted.put(r.round(), digests);
  }

  /** What it was made from. */
  public FederationPlan plan() {
    return plan;
  }

  /** The packages. */
  public synchronized Emulators emulators() {
    return emulators;
  }

  /** The model that all packages were made from. */
  public BaseFingerprint base() {
    return original.base();
  }

  /** Folder on the same disk where files grow until they are whole. */
  public Path incoming() {
    return folder.resolve("incoming");
  }

  /** The rounds that are done. */
  public synchronized List<RoundReport> history() {
    return List.copyOf(history);
  }

  /** What the rounds so far led to. */
  public synchronized GlobalState state() {
    return state;
  }

  /** Whether all rounds are done and every party of the plan was told so and fetched the end. */
  public synchronized boolean everyoneKnows() {
    return finished() && told.containsAll(plan.clients().keySet());
  }

  /** Whether all rounds are done. */
  public synchronized boolean finished() {
    return state.round() >= plan.rounds();
  }

  /**
   * What a party shall do; answers as soon as there is something, and within {@code patience}.
   *
   * @throws RefusedException when no party of this name is known
   */
  public synchronized Answer next(String client, Duration patience)
      throws IOException, InterruptedException {
    requireKnown(client);
    Answer answer = answer(client, patience);
    listener.answered(client, answer);
    return answer;
  }

  private Answer answer(String client, Duration patience) throws IOException, InterruptedException {
    long start = nanos.getAsLong();
    while (true) {
      advance();
      if (finished()) return new Answer.Finished(state.round(), global(state.values(), "final"));
      Optional<Answer> now = work(client);
      if (now.isPresent()) return now.get();
      long left = patience.toNanos() - (nanos.getAsLong() - start);
      if (left <= 0) return new Answer.Wait(POLL);
      wait(Math.clamp(Math.min(left, untilDeadline()) / 1_000_000 + 1, 1, 1_000));
    }
  }

  private Optional<Answer> work(String client) throws IOException {
    Opening o = opened();
    if (o == null) return Optional.empty();
    if (!o.emulators.containsKey(client) || o.updates.containsKey(client)) return Optional.empty();
    Assignment a = assignment(o, client);
    if (plan.threshold() == 0) return Optional.of(new Answer.Tune(a));
    return secure(o).request(client).map(request -> new Answer.Speak(a, request));
  }

  /** Ends the open round if it is time, and opens the next. Called by every other call. */
  public synchronized void advance() throws IOException {
    if (finished()) return;
    Opening o = opened();
    if (o == null) return;
    if (plan.threshold() > 0) advanceSecure(o);
    else if (o.updates.size() == o.emulators.size()
        || (late(o) && o.updates.size() >= plan.gathering().quorum())) close(o);
  }

  private boolean late(Opening o) {
    double limit = plan.gathering().deadlineSeconds();
    return limit > 0 && nanos.getAsLong() - o.since >= limit * 1e9;
  }

  private long untilDeadline() {
    double limit = plan.gathering().deadlineSeconds();
    if (limit == 0 || opening == null) return Long.MAX_VALUE;
    return (long) (limit * 1e9) - (nanos.getAsLong() - opening.since);
  }

  private Path roundFolder(int round) {
    return folder.resolve("rounds").resolve("%06d".formatted(round));
  }

  /**
   * The open round; opened, or read again after a crash, where there is none yet; null while its
   * packages are being made.
   */
  private @Nullable Opening opened() throws IOException {
    if (opening != null) return opening;
    if (!prepared()) return null;
    int round = state.round() + 1;
    Path here = roundFolder(round);
    Path file = here.resolve("opening.json");
    SortedMap<String, String> chosen;
    int attempt = 1;
    if (Files.exists(file)) {
      JsonObject o = JsonObject.read(file);
      chosen = new TreeMap<>();
      JsonObject parties = o.object("parties");
      for (String c : parties.names()) chosen.put(c, parties.string(c));
      // What was masked for the sum that was lost opens to nobody.
      attempt = o.integer("attempt", 1, Integer.MAX_VALUE) + (plan.threshold() > 0 ? 1 : 0);
    } else {
      chosen = director.direct(round, List.copyOf(history));
      if (chosen.isEmpty() || !plan.clients().keySet().containsAll(chosen.keySet()))
        throw new IllegalArgumentException(
            "federation: round " + round + " cannot be of " + chosen.keySet());
      chosen.values().forEach(emulators::folder);
    }
    Opening o = new Opening(round, chosen, attempt, nanos.getAsLong());
    write(o);
    JsonObject kept = JsonObject.create();
    if (plan.threshold() == 0)
      for (String client : chosen.keySet()) {
        Path update = here.resolve(client + UPDATE);
        if (!Files.exists(update)) continue;
        o.updates.put(client, update);
        kept.put(client, Blob.of(update).sha256());
      }
    if (plan.threshold() > 0) o.secure = begin(o);
    opening = o;
    preparation = null;
    audit.add(
        "round-open",
        ClientName.SERVER,
        // Of what a crash left: it may have come between an update's file and its line.
        JsonObject.create().put("round", round).put("parties", named(chosen)).put("kept", kept));
    listener.opened(round, chosen);
    return o;
  }

  /** Whether the next round's packages are there; begins to make them where they are not. */
  private boolean prepared() throws IOException {
    if (source == EmulatorSource.FIXED) return true;
    int round = state.round() + 1;
    if (preparation == null) {
      AdapterArtifact adapter = artifact(JsonObject.create());
      CompletableFuture<Emulators> begun = new CompletableFuture<>();
      preparation = begun;
      // Beside the lock: it may train for minutes, and whoever asks meanwhile shall be told to
      // wait.
      Thread.ofPlatform()
          .name("packages-of-round-" + round)
          .daemon()
          .start(() -> {
            try {
              begun.complete(source.before(round, adapter, original));
            } catch (IOException | RuntimeException | Error e) {
              begun.completeExceptionally(e);
            }
            synchronized (this) {
              notifyAll();
            }
          });
    }
    if (!preparation.isDone()) return false;
    try {
      emulators = preparation.join();
    } catch (CompletionException e) {
      throw new IOException(
          "federation: the packages of round " + round + " could not be made: " + e.getMessage(),
          e);
    }
    return true;
  }

  private void write(Opening o) throws IOException {
    JsonObject.create()
        .put("round", o.round)
        .put("attempt", o.attempt)
        .put("parties", named(o.emulators))
        .write(roundFolder(o.round).resolve("opening.json"));
  }

  private static JsonObject named(Map<String, String> emulators) {
    JsonObject o = JsonObject.create();
    emulators.forEach(o::put);
    return o;
  }

  private Assignment assignment(Opening o, String client) throws IOException {
    Assignment known = o.assignments.get(client);
    if (known != null) return known;
    String emulator = Objects.requireNonNull(o.emulators.get(client));
    AdapterValues start = startOf(client);
    AdapterValues control = state.control();
    Blob global = global(start, "%06d-%s".formatted(o.round, client));
    Blob variate = control == null ? null : global(control, "%06d-control".formatted(o.round));
    o.starts.put(client, start);
    Assignment a =
        new Assignment(
            plan.name(),
            emulators.base(),
            o.round,
            client,
            emulators.files(emulator),
            global,
            variate,
            plan.methodOf(client),
            plan.local(),
            RandomStream.of(plan.seed(), "federation." + o.round + "." + client).nextLong());
    o.assignments.put(client, a);
    return a;
  }

  /** The global adapter in the shape that a party tunes. */
  private AdapterValues startOf(String client) {
    LoraProducts lora = aggregation.lora();
    return lora != null && plan.methodOf(client) instanceof LoraConfig c && c.rank() != lora.rank()
        ? lora.forRank(state.values(), c.rank(), c.scale())
        : state.values();
  }

  private final Map<String, Path> globals = new HashMap<>();

  private Blob global(AdapterValues values, String name) throws IOException {
    Path file = folder.resolve("global").resolve(name + ".safetensors");
    AdapterFile.write(file, values);
    Blob blob = Blob.of(file);
    globals.put(blob.sha256(), file);
    return blob;
  }

  /**
   * A file that a party was told of in the last answer to it.
   *
   * @throws RefusedException for any other digest
   */
  public synchronized Path object(String client, String sha256) throws IOException {
    requireKnown(client);
    // A server that was started anew has told this party of nothing yet; what it told before holds.
    Opening o = finished() ? null : opened();
    if (o != null && o.emulators.containsKey(client)) {
      Assignment a = assignment(o, client);
      for (Map.Entry<String, Blob> e : a.pack().entrySet())
        if (e.getValue().sha256().equals(sha256))
          return emulators
              .folder(Objects.requireNonNull(o.emulators.get(client)))
              .resolve(e.getKey());
      boolean mine =
          a.global().sha256().equals(sha256)
              || (a.control() != null && a.control().sha256().equals(sha256));
      if (mine) return Objects.requireNonNull(globals.get(sha256));
    }
    if (finished() && !globals.containsKey(sha256)) global(state.values(), "final");
    if (finished() && globals.containsKey(sha256)) {
      told.add(client);
      return Objects.requireNonNull(globals.get(sha256));
    }
    throw new RefusedException(
        "no file with digest " + sha256 + " is offered to " + client + " in this round");
  }

  /** Most bytes that a file of this party may have. */
  public synchronized long maxUpload(String client) throws IOException {
    requireKnown(client);
    long numbers = 4 * startOf(client).count();
    if (plan.threshold() > 0) return 1024 + 8 * (secureLike().count() + 1);
    // Names and shapes besides: generous, and far from the sizes that fill a disk.
    return numbers * (plan.local().scaffold() ? 2 : 1)
        + 4096
        + 1024L * state.values().names().size();
  }

  /**
   * Takes an update; the file is gone afterwards, whatever the verdict. Once this says accepted, it
   * survives a crash.
   */
  public Receipt submit(String client, Path file) throws IOException {
    try {
      Blob blob = Blob.of(file);
      UpdateFile read;
      try {
        read = UpdateFile.read(file);
      } catch (FormatException e) {
        synchronized (this) {
          requireKnown(client);
          return refused(client, blob, String.valueOf(e.getMessage()));
        }
      }
      return submit(client, file, blob, read);
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private synchronized Receipt submit(String client, Path file, Blob blob, UpdateFile read)
      throws IOException {
    requireKnown(client);
    advance();
    Update u = read.update();
    if (!u.client().equals(client))
      return refused(client, blob, "is signed " + u.client() + ", but came from " + client);
    if (!read.federation().equals(plan.name()) || !read.base().equals(base()))
      return refused(
          client,
          blob,
          "is of federation "
              + ClientName.shown(read.federation())
              + " and base "
              + read.base().brief()
              + "; this is "
              + plan.name()
              + " of base "
              + base().brief());
    if (u.round() <= state.round()) return ofThePast(client, blob, u.round());
    if (plan.threshold() > 0) return refused(client, blob, "this federation sums in secret only");
    Opening o = opened();
    if (o == null || u.round() > o.round || !o.emulators.containsKey(client))
      return refused(client, blob, "was not asked for in round " + u.round());
    if (o.updates.containsKey(client))
      return new Receipt(Receipt.Verdict.DUPLICATE, "an update of this round was accepted before");
    assignment(o, client);
    List<String> reasons =
        new ArrayList<>(
            plan.check().reasons(u, o.round, Objects.requireNonNull(o.starts.get(client))));
    reasons.addAll(controlReasons(u));
    // The scale multiplies what the check has bounded: a party's word on it would undo the bound.
    float scale = plan.methodOf(client) instanceof LoraConfig c ? c.scale() : 1;
    if (u.loraScale() != scale)
      reasons.add("has LoRA scale " + u.loraScale() + ", this federation's is " + scale);
    if (!reasons.isEmpty()) return refused(client, blob, String.join("; ", reasons));
    Path kept = roundFolder(o.round).resolve(client + UPDATE);
    try (FileChannel from = FileChannel.open(file)) {
      AtomicFile.write(kept, from.size(), to -> copy(from, to));
    }
    o.updates.put(client, kept);
    audit.add(
        "update-accepted",
        client,
        JsonObject.create()
            .put("round", u.round())
            .put("sha256", blob.sha256())
            .put("bytes", blob.bytes())
            .put("samples", u.samples()));
    listener.received(u.round(), client, blob.bytes(), u.lossBefore(), u.lossAfter());
    advance();
    notifyAll();
    return Receipt.ACCEPTED;
  }

  private static void copy(FileChannel from, FileChannel to) throws IOException {
    for (long at = 0; at < from.size(); ) at += from.transferTo(at, from.size() - at, to);
  }

  private List<String> controlReasons(Update u) {
    AdapterValues server = state.control();
    AdapterValues control = u.control();
    if (server == null)
      return control == null ? List.of() : List.of("holds a control variate that nobody asked for");
    if (control == null) return List.of("lacks the control variate's change");
    Update asValues = new Update(u.client(), u.round(), u.samples(), 1, control);
    return UpdateCheck.LENIENT.reasons(asValues, u.round(), server).stream()
        .map(r -> "its control variate " + r)
        .toList();
  }

  private Receipt ofThePast(String client, Blob blob, int round) {
    String known = accepted.getOrDefault(round, Map.of()).get(client);
    if (known != null)
      return new Receipt(
          Receipt.Verdict.DUPLICATE, "an update of round " + round + " was accepted before");
    audit.add(
        "update-late",
        client,
        JsonObject.create().put("round", round).put("sha256", blob.sha256()));
    return new Receipt(Receipt.Verdict.LATE, "round " + round + " is over");
  }

  private Receipt refused(String client, Blob blob, String reason) {
    audit.add(
        "update-refused",
        client,
        JsonObject.create().put("sha256", blob.sha256()).put("reason", reason));
    listener.refused(client, reason);
    return new Receipt(Receipt.Verdict.REFUSED, reason);
  }

  private void close(Opening o) throws IOException {
    List<Update> updates = new ArrayList<>();
    List<RoundReport.Party> parties = new ArrayList<>();
    for (Map.Entry<String, String> e : o.emulators.entrySet()) {
      String client = e.getKey();
      Path file = o.updates.get(client);
      if (file == null) {
        parties.add(missing(client, e.getValue()));
        continue;
      }
      Update u = UpdateFile.read(file).update();
      assignment(o, client);
      updates.add(u);
      parties.add(
          new RoundReport.Party(
              client,
              e.getValue(),
              true,
              Blob.of(file).sha256(),
              u.samples(),
              u.values().minus(Objects.requireNonNull(o.starts.get(client))).norm(),
              u.lossBefore(),
              u.lossAfter()));
    }
    finish(o, aggregation.next(state, updates, plan.clients().size()), parties);
  }

  private static RoundReport.Party missing(String client, String emulator) {
    return new RoundReport.Party(
        client, emulator, false, "", 0, Double.NaN, Double.NaN, Double.NaN);
  }

  private void finish(Opening o, GlobalState next, List<RoundReport.Party> parties)
      throws IOException {
    RoundReport report =
        new RoundReport(o.round, parties, aggregation.distance(state.values(), next.values()));
    next.write(
        stateFile(folder, next.round()), emulators.base() + "|" + plan.identity(), report.toJson());
    state = next;
    opening = null;
    globals.clear();
    remember(report);
    audit.add(
        "round-closed",
        ClientName.SERVER,
        JsonObject.create()
            .put("round", report.round())
            .put("updates", report.updates())
            .put("missing", parties.size() - report.updates()));
    listener.closed(report, next);
    notifyAll();
    if (!finished()) advance();
  }

  private SecureRound begin(Opening o) {
    return new SecureRound(
        o.round,
        o.attempt,
        plan.threshold(),
        secureLike().count() + 1,
        new TreeSet<>(o.emulators.keySet()));
  }

  private SecureRound secure(Opening o) {
    return Objects.requireNonNull(o.secure);
  }

  /** What is summed: the values, or the products of LoRA pairs. */
  private AdapterValues secureLike() {
    LoraProducts lora = aggregation.lora();
    return lora == null ? state.values() : lora.products(state.values());
  }

  /**
   * Takes a message of a secure sum; the file is gone afterwards.
   *
   * @param numbers the file of {@code MASKED}, else null
   */
  public Receipt speak(String client, SecureReply reply, @Nullable Path numbers)
      throws IOException {
    try {
      return heard(client, reply, numbers);
    } finally {
      if (numbers != null) Files.deleteIfExists(numbers);
    }
  }

  private synchronized Receipt heard(String client, SecureReply reply, @Nullable Path numbers)
      throws IOException {
    requireKnown(client);
    advance();
    if (reply.round() <= state.round())
      return new Receipt(Receipt.Verdict.LATE, "round " + reply.round() + " is over");
    Opening o = opened();
    if (plan.threshold() == 0
        || o == null
        || !o.emulators.containsKey(client)
        || reply.round() != o.round)
      return new Receipt(Receipt.Verdict.REFUSED, "no secure sum waits for " + client);
    SecureRound sum = secure(o);
    if (!sum.awaits(client, reply))
      return new Receipt(
          Receipt.Verdict.LATE,
          reply.phase() + " of attempt " + reply.attempt() + " is not waited for now");
    Optional<Path> kept = Optional.empty();
    try {
      if (numbers != null) {
        Path to = roundFolder(o.round).resolve(client + ".masked");
        try (FileChannel from = FileChannel.open(numbers)) {
          AtomicFile.write(to, from.size(), target -> copy(from, target));
        }
        kept = Optional.of(to);
      }
      sum.take(client, reply, kept);
    } catch (FormatException e) {
      audit.add("message-refused", client, JsonObject.create().put("reason", e.getMessage()));
      return new Receipt(Receipt.Verdict.REFUSED, String.valueOf(e.getMessage()));
    }
    audit.add(
        "message-accepted",
        client,
        JsonObject.create()
            .put("round", reply.round())
            .put("attempt", reply.attempt())
            .put("phase", reply.phase().toString()));
    advance();
    notifyAll();
    return Receipt.ACCEPTED;
  }

  private void advanceSecure(Opening o) throws IOException {
    SecureRound sum = secure(o);
    switch (sum.advance(late(o))) {
      case WAITING -> {}
      case NEXT -> {
        o.since = nanos.getAsLong();
        notifyAll();
        advanceSecure(o);
      }
      case FAILED -> {
        if (++o.failures == MOST_FAILURES) {
          endWithoutEffect(o, o.failures + " sums in turn could not be finished");
          return;
        }
        audit.add(
            "secure-sum-begun-anew",
            ClientName.SERVER,
            JsonObject.create().put("round", o.round).put("attempt", o.attempt + 1));
        o.attempt++;
        o.since = nanos.getAsLong();
        write(o);
        o.secure = begin(o);
        notifyAll();
      }
      case DONE -> {
        List<String> reasons = new ArrayList<>();
        AdapterValues mean = meanOf(sum.sum(), sum.summed().size(), reasons);
        List<RoundReport.Party> parties = new ArrayList<>();
        o.emulators.forEach((client, emulator) ->
            parties.add(
                sum.summed().contains(client)
                    ? new RoundReport.Party(
                        client, emulator, true, "", 0, Double.NaN, Double.NaN, Double.NaN)
                    : missing(client, emulator)));
        if (!reasons.isEmpty()) {
          endWithoutEffect(o, String.join("; ", reasons));
          return;
        }
        finish(o, aggregation.nextOfMean(state, mean), parties);
      }
    }
  }

  /**
   * Ends a round whose sum is of no use. Who spoilt it cannot be seen: better no effect than a
   * harmful one, and better than to begin for ever.
   */
  private void endWithoutEffect(Opening o, String reason) throws IOException {
    audit.add(
        "secure-sum-refused",
        ClientName.SERVER,
        JsonObject.create().put("round", o.round).put("reason", reason));
    listener.refused("all of round " + o.round, reason);
    List<RoundReport.Party> parties = new ArrayList<>();
    o.emulators.forEach((client, emulator) -> parties.add(missing(client, emulator)));
    finish(o, new GlobalState(o.round, state.values(), state.memory(), state.control()), parties);
  }

  /** The mean that a sum stands for, and every rule that it breaks. */
  private AdapterValues meanOf(long[] sum, int parties, List<String> reasons) {
    AdapterValues like = secureLike();
    long samples = sum[sum.length - 1];
    if (samples < parties || samples / parties > plan.check().maxSamples()) {
      reasons.add("the sum claims " + samples + " samples of " + parties + " parties");
      return like;
    }
    AdapterValues mean = FixedPoint.DEFAULT.mean(sum, like);
    reasons.addAll(plan.check().reasons(new Update("sum", 1, 1, 1, mean), 1, like));
    return mean;
  }

  private void requireKnown(String client) throws RefusedException {
    if (!plan.clients().containsKey(client))
      throw new RefusedException(
          "no party of federation " + plan.name() + " is called " + ClientName.shown(client));
  }

  /**
   * The global adapter as an artifact to plug in.
   *
   * @param provenance how it came about
   */
  public synchronized AdapterArtifact artifact(JsonObject provenance) {
    return new AdapterArtifact(
        emulators.base(),
        emulators.slots(),
        plan.method(),
        state.values().weights(),
        provenance
            .put("federation", plan.name())
            .put("rounds", state.round())
            .put("clients", List.copyOf(plan.clients().keySet()))
            .put("plan", plan.identity()));
  }

  /** What taking part has given away so far of any one party; empty without noise. */
  public synchronized Optional<RdpAccountant.Spent> spent() {
    FederationPlan.Noise n = plan.noise();
    if (n == null || state.round() == 0) return Optional.empty();
    return Optional.of(
        RdpAccountant.USUAL.spent(
            plan.gathering().participation(), n.noise(), state.round(), n.delta()));
  }

  /** The same for a party in this process. */
  public Coordinator coordinator(String client) {
    return new LocalCoordinator(this, client);
  }

  @Override
  public synchronized void close() {
    notifyAll();
  }
}
