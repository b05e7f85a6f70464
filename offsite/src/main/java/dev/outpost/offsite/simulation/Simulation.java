package dev.outpost.offsite.simulation;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.federated.AdapterFile;
import dev.outpost.offsite.federated.AdapterValues;
import dev.outpost.offsite.federated.Aggregation;
import dev.outpost.offsite.federated.GlobalState;
import dev.outpost.offsite.federated.LocalTuning;
import dev.outpost.offsite.federated.Update;
import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.peft.LoraConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Rounds of a federation of simulated clients. Seed, plan and data decide every bit: neither the
 * runner, nor its width, nor an interruption changes the global adapter.
 *
 * <pre>
 * state.safetensors      all that the rounds so far led to
 * rounds.jsonl           a line per round
 * controls/…             clients' control variates (SCAFFOLD only)
 * </pre>
 */
public final class Simulation {
  private final SimulationPlan plan;
  private final SimulationData data;
  private final Path folder;
  private final ClientRunner runner;
  private final Kernels kernels;
  private final Watch watch;
  private final int[][] dealt;

  /** Hears how it goes, and may end it between rounds. */
  public interface Watch {
    /** A round is done. */
    default void round(Round round) {}

    /** Asked between rounds. */
    default boolean stopRequested() {
      return false;
    }
  }

  /**
   * What is told about a round.
   *
   * @param round from 1
   * @param asked clients that were asked
   * @param counted updates that it was made of
   * @param late answers after the deadline
   * @param dropped clients that never answered
   * @param time simulated length, in medians of a client's time
   * @param loss nats per token of adapter and emulator on the held-back text; NaN when not measured
   */
  public record Round(
      int round, int asked, int counted, int late, int dropped, double time, double loss) {
    /** As a line of results. */
    public JsonObject toJson() {
      JsonObject o =
          JsonObject.create()
              .put("round", round)
              .put("asked", asked)
              .put("counted", counted)
              .put("late", late)
              .put("dropped", dropped)
              .put("simulated_time", time);
      return Double.isNaN(loss) ? o : o.put("loss", loss).put("perplexity", Math.exp(loss));
    }
  }

  /**
   * How it ended.
   *
   * @param finished whether all rounds are done
   */
  public record Result(GlobalState state, boolean finished) {}

  /** On a folder of its own. */
  public Simulation(
      SimulationPlan plan,
      SimulationData data,
      Path folder,
      ClientRunner runner,
      Kernels kernels,
      Watch watch) {
    this.plan = plan;
    this.data = data;
    this.folder = folder;
    this.runner = runner;
    this.kernels = kernels;
    this.watch = watch;
    this.dealt = DirichletSplit.deal(data.labels(), plan.clients(), plan.alpha(), plan.seed());
  }

  /** Runs to the end, or from where an earlier run of the same plan stopped. */
  public Result run() throws IOException {
    Aggregation aggregation =
        Aggregation.of(plan.rule(), plan.optimizer(), plan.method(), kernels, plan.seed(), null);
    try (OffsitePackage pack = OffsitePackage.open(plan.pack())) {
      String identity = pack.sha256() + "|" + plan.identity();
      Path file = folder.resolve("state.safetensors");
      GlobalState state;
      List<JsonObject> lines = new ArrayList<>();
      if (Files.exists(file)) {
        GlobalState.Stored stored = GlobalState.read(file, identity);
        state = stored.state();
        lines.addAll(stored.report().objects("rounds"));
      } else
        state =
            aggregation.start(
                LocalTuning.start(pack, plan.method(), plan.seed()), plan.local().scaffold());
      LocalTuning measured = new LocalTuning(pack, plan.method(), kernels);
      Map<Integer, AdapterValues> controls = controls(state.round());
      while (state.round() < plan.rounds()) {
        if (watch.stopRequested()) return new Result(state, false);
        Asked asked = ask(state, controls);
        GlobalState next =
            asked.updates().isEmpty()
                ? new GlobalState(
                    state.round() + 1, state.values(), state.memory(), state.control())
                : aggregation.next(state, asked.updates(), plan.clients());
        boolean due = next.round() % plan.measureEvery() == 0 || next.round() == plan.rounds();
        double loss = due ? measured.loss(next.values(), data.heldBack()) : Double.NaN;
        Round round = asked.told(next.round(), loss);
        lines.add(round.toJson());
        for (Map.Entry<Integer, AdapterValues> e : asked.controls().entrySet())
          AdapterFile.write(controlFile(e.getKey(), next.round()), e.getValue());
        next.write(file, identity, JsonObject.create().put("rounds", lines));
        controls.putAll(asked.controls());
        StringBuilder text = new StringBuilder();
        for (JsonObject l : lines) text.append(l.toLine()).append('\n');
        AtomicFile.write(
            folder.resolve("rounds.jsonl"), text.toString().getBytes(StandardCharsets.UTF_8));
        state = next;
        watch.round(round);
      }
      return new Result(state, true);
    }
  }

  /** The adapter as an artifact to plug in. */
  public AdapterArtifact artifact(GlobalState state) throws IOException {
    try (OffsitePackage pack = OffsitePackage.open(plan.pack())) {
      return new AdapterArtifact(
          pack.base(),
          pack.adapterSlots(),
          plan.method(),
          state.values().weights(),
          JsonObject.create()
              .put("simulated_clients", plan.clients())
              .put("rounds", state.round())
              .put("package_sha256", pack.sha256())
              .put("seed", plan.seed()));
    }
  }

  /** What came of asking. */
  private record Asked(
      List<Update> updates,
      Map<Integer, AdapterValues> controls,
      int asked,
      int late,
      int dropped,
      double time) {
    Round told(int round, double loss) {
      return new Round(round, asked, updates.size(), late, dropped, time, loss);
    }
  }

  private Asked ask(GlobalState state, Map<Integer, AdapterValues> controls) throws IOException {
    int round = state.round() + 1;
    int[] order = new int[plan.clients()];
    for (int i = 0; i < order.length; i++) order[i] = i;
    RandomStream.of(plan.seed(), "simulation.clients." + round).shuffle(order);
    List<ClientWork> work = new ArrayList<>();
    int late = 0;
    int dropped = 0;
    double time = 0;
    for (int i = 0; i < plan.perRound(); i++) {
      int client = order[i];
      double answered = plan.faults().time(plan.seed(), round, client);
      if (!plan.faults().counts(answered)) {
        if (Double.isInfinite(answered)) dropped++;
        else late++;
        // Who never answers is waited for until the deadline, if there is one.
        if (Double.isFinite(plan.faults().deadline())) time = plan.faults().deadline();
        continue;
      }
      time = Math.max(time, answered);
      long seed = RandomStream.of(plan.seed(), "simulation." + round + "." + client).nextLong();
      work.add(new ClientWork(client, seed, dealt[client], controls.get(client)));
    }
    List<Update> updates = new ArrayList<>();
    Map<Integer, AdapterValues> next = new HashMap<>();
    if (!work.isEmpty()) {
      ClientRunner.Start start = new ClientRunner.Start(round, state.values(), state.control());
      for (ClientResult r : runner.run(start, work)) {
        updates.add(update(round, r, controls.get(r.client())));
        if (r.own() != null) next.put(r.client(), r.own());
      }
    }
    return new Asked(updates, next, plan.perRound(), late, dropped, time);
  }

  private Update update(int round, ClientResult r, @Nullable AdapterValues before) {
    AdapterValues own = r.own();
    AdapterValues change = own == null ? null : before == null ? own : own.minus(before);
    return new Update(
        // Names sort as numbers do, so that the order of the sum is the clients'.
        "c%07d".formatted(r.client()),
        round,
        dealt[r.client()].length,
        plan.method() instanceof LoraConfig c ? c.scale() : 1,
        r.values(),
        change,
        Double.NaN,
        Double.NaN);
  }

  private Path controlFile(int client, int round) {
    return folder.resolve("controls").resolve("%07d-%06d.safetensors".formatted(client, round));
  }

  /** Each client's latest variate of a round that is done; what a broken-off round left is not. */
  private Map<Integer, AdapterValues> controls(int rounds) throws IOException {
    Map<Integer, AdapterValues> all = new HashMap<>();
    Path here = folder.resolve("controls");
    if (!Files.isDirectory(here)) return all;
    List<Path> files;
    try (Stream<Path> s = Files.list(here)) {
      files = s.sorted().toList();
    }
    for (Path p : files) {
      Optional<int[]> numbers = numbers(p.getFileName().toString());
      if (numbers.isPresent() && numbers.get()[1] <= rounds)
        all.put(numbers.get()[0], AdapterFile.read(p));
    }
    return all;
  }

  private static Optional<int[]> numbers(String name) {
    if (!name.matches("[0-9]{7}-[0-9]{6}\\.safetensors")) return Optional.empty();
    return Optional.of(
        new int[] {
          Integer.parseInt(name.substring(0, 7)), Integer.parseInt(name.substring(8, 14))
        });
  }
}
