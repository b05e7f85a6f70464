package dev.outpost.offsite.federated;

import dev.outpost.offsite.artifact.Digest;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.privacy.DpSgd;
import dev.outpost.transformer.train.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The data owner's side of a federation: asks what to do, tunes, hands in, until all rounds are
 * done. Killed at any moment, it goes on where it stood when run again on the same folder:
 *
 * <pre>
 * packages/…            packages, by the digest of their manifest
 * rounds/000004/…       the round under way: what it started from, training state, finished update
 * control.safetensors   its control variate (SCAFFOLD only)
 * global.safetensors    the adapter the federation ended with
 * </pre>
 */
public final class Participant implements AutoCloseable {
  private static final String UPDATE = "update.safetensors";
  private static final String CONTROL = "control.safetensors";
  private static final String ASSIGNMENT = "assignment.json";
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Coordinator coordinator;
  private final Path folder;
  private final LocalData data;
  private final Kernels kernels;
  private final @Nullable LocalPrivacy privacy;
  private final Listener listener;
  private @Nullable Ready ready;
  private SecureSum.@Nullable Party party;
  private int partyRound;
  private int partyAttempt;

  /** Hears how it goes; all calls come from the thread that runs. */
  public interface Listener {
    /** A round is tuned; the progress watches, and its {@code stopRequested} ends the run. */
    default Progress tuning(Assignment assignment) {
      return Progress.SILENT;
    }

    /** An update was handed in. */
    default void handedIn(int round, Receipt receipt) {}

    /** The owner could not be reached; it will be tried again. */
    default void unreachable(IOException reason) {}

    /** Asked when there is nothing to do; true ends the run. */
    default boolean stopRequested() {
      return false;
    }
  }

  /**
   * How a run ended.
   *
   * @param rounds in which this party's update was accepted, in this run
   * @param finished whether all rounds of the federation are done
   */
  public record Result(int rounds, boolean finished) {}

  /**
   * A package with a model on it; the next round of the same package and method goes on with it.
   */
  private record Ready(
      String manifest,
      PeftMethod method,
      OffsitePackage pack,
      LocalTuning tuning,
      LocalData.Split data)
      implements AutoCloseable {
    @Override
    public void close() {
      pack.close();
    }
  }

  /** On a folder of this party's own. */
  public Participant(
      Coordinator coordinator,
      Path folder,
      LocalData data,
      Kernels kernels,
      @Nullable LocalPrivacy privacy,
      Listener listener) {
    this.coordinator = coordinator;
    this.folder = folder;
    this.data = data;
    this.kernels = kernels;
    this.privacy = privacy;
    this.listener = listener;
  }

  /**
   * Takes part until all rounds are done or a stop is asked for. An owner that cannot be reached is
   * asked again.
   *
   * @throws RefusedException when the owner wants nothing of this party
   * @throws LocalPrivacy.BudgetSpentException before a round that would go beyond it
   */
  public Result run() throws IOException, InterruptedException {
    int rounds = 0;
    boolean recovered = false;
    int stale = 0;
    Duration pause = Duration.ofMillis(200);
    while (!listener.stopRequested()) {
      try {
        if (!recovered) recover();
        recovered = true;
        Answer answer = coordinator.next(PATIENCE);
        pause = Duration.ofMillis(200);
        switch (answer) {
          case Answer.Tune t -> {
            stale = t.assignment().round() == stale ? stale : 0;
            if (!tune(t.assignment(), false)) return new Result(rounds, false);
            rounds += handIn(round(t.assignment()), t.assignment().round()) ? 1 : 0;
          }
          case Answer.Speak s -> rounds += speak(s) ? 1 : 0;
          case Answer.Wait w -> {}
          case Answer.Finished f -> {
            coordinator.fetch(f.global(), folder.resolve("global.safetensors"));
            return new Result(rounds, true);
          }
        }
      } catch (StaleException e) {
        // Its round has ended meanwhile; refused twice for one round, it is something else.
        if (stale == e.round) throw e.reason;
        stale = e.round;
      } catch (RefusedException | FormatException | LocalPrivacy.BudgetSpentException e) {
        throw e;
      } catch (UnreachableException e) {
        listener.unreachable(e);
        Thread.sleep(pause);
        pause = pause.multipliedBy(2).compareTo(PATIENCE) > 0 ? PATIENCE : pause.multipliedBy(2);
      }
    }
    return new Result(rounds, false);
  }

  private Path round(Assignment a) {
    return folder.resolve("rounds").resolve("%06d".formatted(a.round()));
  }

  private Path updateFile(Assignment a) {
    return round(a).resolve(UPDATE);
  }

  /** Leaves a finished update for this very assignment; false when stopped before that. */
  private boolean tune(Assignment a, boolean secret) throws IOException, InterruptedException {
    Path here = round(a);
    Path done = here.resolve(ASSIGNMENT);
    String identity = a.global().sha256() + " " + a.client() + " " + a.federation();
    if (Files.exists(updateFile(a))
        && Files.exists(done)
        && JsonObject.read(done).string("identity").equals(identity)) return true;
    // What is left of another federation's round of this number is of no use here.
    if (Files.exists(done) && !JsonObject.read(done).string("identity").equals(identity))
      delete(here);
    Files.createDirectories(here);
    if (privacy != null && a.control() != null)
      throw new RefusedException(
          "privacy: this federation corrects gradients by control variates (scaffold), which would leave without noise; take part without privacy, or ask the owner for proximal instead");
    Path globalFile = here.resolve("global.safetensors");
    fetched(a, a.global(), globalFile);
    AdapterValues global = AdapterFile.read(globalFile);
    AdapterValues control = null;
    if (a.control() != null) {
      fetched(a, a.control(), here.resolve("server-control.safetensors"));
      control = AdapterFile.read(here.resolve("server-control.safetensors"));
    }
    Path own = folder.resolve(CONTROL);
    AdapterValues mine = control != null && Files.exists(own) ? AdapterFile.read(own) : null;
    Ready r = ready(a);
    LocalPrivacy.Round dp =
        privacy == null
            ? null
            : privacy.round(folder, a.round(), a.local(), r.data().train().count());
    DpSgd noise = dp == null ? null : dp.dp();
    JsonObject.create().put("identity", identity).put("secret", secret).write(done);
    LocalTuning.Outcome out =
        r.tuning()
            .tune(
                new LocalTuning.Start(a.round(), a.seed(), global, control, mine),
                a.local(),
                r.data().train(),
                // A loss of private rows is told without noise: not beside a promise of it.
                noise == null ? r.data().heldBack() : null,
                here.resolve("training"),
                noise,
                listener.tuning(a));
    if (!out.finished()) return false;
    if (out.own() != null) AdapterFile.write(here.resolve(CONTROL), out.own());
    AdapterValues change =
        out.own() == null ? null : mine == null ? out.own() : out.own().minus(mine);
    Update update =
        new Update(
            a.client(),
            a.round(),
            r.data().train().count(),
            a.method() instanceof LoraConfig c ? c.scale() : 1,
            out.values(),
            change,
            out.lossBefore(),
            out.lossAfter());
    new UpdateFile(a.federation(), a.base(), update).write(updateFile(a));
    return true;
  }

  /**
   * Hands in what an earlier process left: it may have died between the owner's receipt and its own
   * note of it, and a control variate that the owner knows of must not be lost.
   */
  private void recover() throws IOException, InterruptedException {
    Path all = folder.resolve("rounds");
    if (!Files.isDirectory(all)) return;
    List<Path> left;
    try (Stream<Path> s = Files.list(all)) {
      left = s.filter(p -> p.getFileName().toString().matches("[0-9]{6,7}")).sorted().toList();
    }
    for (Path here : left) {
      boolean whole = Files.exists(here.resolve(UPDATE));
      if (whole && !JsonObject.read(here.resolve(ASSIGNMENT)).bool("secret", false))
        handIn(here, Integer.parseInt(here.getFileName().toString()));
    }
  }

  /** True when it counts in the round. */
  private boolean handIn(Path here, int round) throws IOException, InterruptedException {
    Receipt receipt = coordinator.submit(here.resolve(UPDATE));
    note(here, round, receipt);
    listener.handedIn(round, receipt);
    return switch (receipt.verdict()) {
      case ACCEPTED, DUPLICATE -> {
        // Only now: a control variate that the server does not know of would spoil the sum.
        Path next = here.resolve(CONTROL);
        if (Files.exists(next))
          Files.move(next, folder.resolve(CONTROL), StandardCopyOption.ATOMIC_MOVE);
        delete(here);
        yield true;
      }
      case LATE -> {
        delete(here);
        yield false;
      }
      case REFUSED ->
          throw new RefusedException(
              "round " + round + ": the owner refused the update: " + receipt.reason());
    };
  }

  private void note(Path here, int round, Receipt receipt) throws IOException {
    JsonObject line =
        JsonObject.create()
            .put("round", round)
            .put("sha256", Digest.of(here.resolve(UPDATE)))
            .put("verdict", receipt.verdict().toString())
            .put("reason", receipt.reason());
    Files.writeString(
        folder.resolve("receipts.jsonl"),
        line.toLine() + "\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
  }

  /** Sends the message that is asked for; true when that was the numbers. */
  private boolean speak(Answer.Speak s) throws IOException, InterruptedException {
    Assignment a = s.assignment();
    SecureRequest q = s.request();
    if (q.phase() == SecureRequest.Phase.KEYS) {
      party = new SecureSum.Party(q.party(), q.threshold(), new SecureRandom());
      partyRound = a.round();
      partyAttempt = q.attempt();
    }
    boolean lost = party == null || partyRound != a.round() || partyAttempt != q.attempt();
    if (lost) {
      // Its secrets died with an earlier process: the others go on without it.
      send(a, q, new byte[0], null);
      return false;
    }
    SecureSum.Party me = Objects.requireNonNull(party);
    // Trained before the boxes are opened: what fails here is this party's own and is told to it.
    if (q.phase() == SecureRequest.Phase.MASKED && !tune(a, true)) return false;
    byte[] body;
    try {
      body = message(me, q);
    } catch (IllegalArgumentException | IllegalStateException e) {
      // Another party's keys or boxes are no such things: the sum goes on without this one, or is
      // begun anew, and nobody ends by it.
      party = null;
      send(a, q, new byte[0], null);
      return false;
    }
    if (q.phase() != SecureRequest.Phase.MASKED) {
      send(a, q, body, null);
      if (q.phase() == SecureRequest.Phase.OPENED) {
        party = null;
        delete(round(a));
      }
      return false;
    }
    Update u = UpdateFile.read(updateFile(a)).update();
    AdapterValues open =
        a.method() instanceof LoraConfig c
            ? new LoraProducts(kernels, c.rank(), c.scale(), 0).products(u)
            : u.values();
    Path file = round(a).resolve("masked");
    SecureMessages.writeMasked(
        file, a.round(), q.attempt(), me.mask(FixedPoint.DEFAULT.encode(open, u.samples())));
    Receipt receipt = send(a, q, body, file);
    listener.handedIn(a.round(), receipt);
    return receipt.verdict() == Receipt.Verdict.ACCEPTED;
  }

  /** What is asked for; of masked numbers only the others' boxes are opened. */
  private static byte[] message(SecureSum.Party me, SecureRequest q) throws FormatException {
    return switch (q.phase()) {
      case KEYS -> SecureMessages.ofKeys(List.of(me.keys()));
      case SHARES -> SecureMessages.ofSealed(me.share(SecureMessages.keys(q.body())));
      case MASKED -> {
        me.receive(SecureMessages.sealed(q.body()));
        yield new byte[0];
      }
      case OPENED -> SecureMessages.ofOpened(me.open(SecureMessages.parties(q.body())));
    };
  }

  private Receipt send(Assignment a, SecureRequest q, byte[] body, @Nullable Path file)
      throws IOException, InterruptedException {
    return coordinator.speak(new SecureReply(a.round(), q.attempt(), q.phase(), body), file);
  }

  /** What an assignment names is no longer there. */
  private static final class StaleException extends IOException {
    private static final long serialVersionUID = 1;

    final int round;
    final RefusedException reason;

    StaleException(int round, RefusedException reason) {
      super(reason);
      this.round = round;
      this.reason = reason;
    }
  }

  private void fetch(Assignment a, Blob blob, Path file) throws IOException, InterruptedException {
    try {
      coordinator.fetch(blob, file);
    } catch (RefusedException e) {
      throw new StaleException(a.round(), e);
    }
  }

  private void fetched(Assignment a, Blob blob, Path file)
      throws IOException, InterruptedException {
    if (Files.exists(file) && Blob.of(file).equals(blob)) return;
    Files.deleteIfExists(file);
    fetch(a, blob, file);
  }

  private Ready ready(Assignment a) throws IOException, InterruptedException {
    Blob manifest = a.pack().get("manifest.json");
    if (manifest == null) throw new FormatException("assignment: the package has no manifest.json");
    Ready now = ready;
    if (now != null && now.manifest().equals(manifest.sha256()) && now.method().equals(a.method()))
      return now;
    if (now != null) now.close();
    ready = null;
    Path here = folder.resolve("packages").resolve(manifest.sha256().substring(0, 16));
    // The manifest last: it names the digests of all others.
    for (Map.Entry<String, Blob> e : a.pack().entrySet())
      if (!e.getKey().equals("manifest.json") && !Files.exists(here.resolve(e.getKey())))
        fetch(a, e.getValue(), here.resolve(e.getKey()));
    if (!Files.exists(here.resolve("manifest.json")))
      fetch(a, manifest, here.resolve("manifest.json"));
    OffsitePackage pack = OffsitePackage.open(here);
    try {
      if (!pack.base().equals(a.base()))
        throw new FormatException(
            here + ": is of base " + pack.base().brief() + ", the round is of " + a.base().brief());
      ready =
          new Ready(
              manifest.sha256(),
              a.method(),
              pack,
              new LocalTuning(pack, a.method(), kernels),
              data.of(pack));
    } catch (IOException | RuntimeException e) {
      pack.close();
      throw e;
    }
    return ready;
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) return;
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path p : all.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
    }
  }

  @Override
  public void close() {
    if (ready != null) ready.close();
    ready = null;
    coordinator.close();
  }
}
