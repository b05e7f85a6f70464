package dev.outpost.offsite.federated;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.peft.BottleneckConfig;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.train.Blocks;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Three wards and a model of four blocks, with two emulators of it. */
final class TinyFederation {
  static final Kernels KERNELS = TinyModels.best();
  static final LocalPlan LOCAL = LocalPlan.of(3, 2, 1e-2f);
  static final PeftMethod BOTTLENECK = new BottleneckConfig(3, 0, BottleneckConfig.BOTH_HALVES);
  static final PeftMethod LORA = LoraConfig.of(2);

  final Path dir;
  final AtomicLong now = new AtomicLong();
  FederationPlan plan;
  EmulatorSource source = EmulatorSource.FIXED;
  @Nullable Director director;

  TinyFederation(Path dir, PeftMethod method, LocalPlan local) throws Exception {
    this.dir = dir;
    TransformerModel full = TinyModels.random(4, 1);
    emulator(full, "whole", "1-2-1");
    emulator(full, "half", "1-1-1");
    Map<String, FederationPlan.Client> clients = new TreeMap<>();
    clients.put("ward-a", new FederationPlan.Client("whole", 0));
    clients.put("ward-b", new FederationPlan.Client("half", 0));
    clients.put("ward-c", new FederationPlan.Client("half", 0));
    plan =
        new FederationPlan(
            "wards",
            Map.of("whole", dir.resolve("whole"), "half", dir.resolve("half")),
            clients,
            method,
            local,
            3,
            FederationPlan.Gathering.ALL,
            new AggregationRule.WeightedMean(),
            new ServerOptimizer.Take(),
            UpdateCheck.LENIENT,
            0,
            null,
            7);
  }

  private void emulator(TransformerModel full, String name, String split) throws Exception {
    EmulatorRecipe recipe = EmulatorRecipe.parse(split);
    OffsitePackage.write(
        dir.resolve(name),
        recipe.make(full, Workshop.of(KERNELS, 1)).model(),
        recipe.split().of(full).adapterSlots(),
        BaseFingerprint.of(full),
        new Gpt2().write(full.spec(), 0),
        recipe.describe(),
        null);
  }

  /** The plan with parts of it changed. */
  TinyFederation with(
      FederationPlan.Gathering gathering,
      AggregationRule rule,
      ServerOptimizer optimizer,
      int threshold,
      FederationPlan.@Nullable Noise noise) {
    plan =
        new FederationPlan(
            plan.name(),
            plan.emulators(),
            plan.clients(),
            plan.method(),
            plan.local(),
            plan.rounds(),
            gathering,
            rule,
            optimizer,
            plan.check(),
            threshold,
            noise,
            plan.seed());
    return this;
  }

  TinyFederation ranks(Map<String, Integer> ranks) {
    Map<String, FederationPlan.Client> clients = new TreeMap<>(plan.clients());
    ranks.forEach((name, rank) ->
        clients.compute(name, (n, c) -> new FederationPlan.Client(c.emulator(), rank)));
    plan =
        new FederationPlan(
            plan.name(),
            plan.emulators(),
            clients,
            plan.method(),
            plan.local(),
            plan.rounds(),
            plan.gathering(),
            plan.rule(),
            plan.optimizer(),
            plan.check(),
            plan.threshold(),
            plan.noise(),
            plan.seed());
    return this;
  }

  /** The server on a folder of this name, begun or gone on with. */
  Federation open(String name) throws IOException {
    Path folder = dir.resolve(name);
    java.nio.file.Files.createDirectories(folder);
    AuditLog audit =
        AuditLog.open(folder.resolve("audit.jsonl"), () -> Instant.ofEpochSecond(now.get()));
    return Federation.open(
        folder,
        plan,
        source,
        director == null ? Director.drawing(plan) : director,
        KERNELS,
        audit,
        now::get,
        FederationListener.SILENT);
  }

  /** A ward on a folder of its own beneath the server's name. */
  Participant participant(Federation f, String server, String client) {
    return participant(f, server, client, null, new Participant.Listener() {});
  }

  Participant participant(
      Federation f,
      String server,
      String client,
      @Nullable LocalPrivacy privacy,
      Participant.Listener listener) {
    return new Participant(
        f.coordinator(client),
        dir.resolve(server + "-" + client),
        data(client),
        KERNELS,
        privacy,
        listener);
  }

  /** Wards have different texts and different amounts of them. */
  static LocalData data(String client) {
    int seed = client.charAt(client.length() - 1);
    int blocks = 4 + seed % 3;
    return pack ->
        new LocalData.Split(
            Blocks.of(TinyModels.tokens(12 * blocks, 23, seed), 12),
            Blocks.of(TinyModels.tokens(24, 23, 100 + seed), 12));
  }

  /** Runs all to the end, each on a thread of its own. */
  AdapterValues run(String name) throws Exception {
    try (Federation f = open(name)) {
      Map<String, Participant.Result> results = new TreeMap<>();
      Map<String, Throwable> failures = new TreeMap<>();
      Map<String, Thread> threads = new TreeMap<>();
      for (String client : plan.clients().keySet()) {
        threads.put(
            client,
            Thread.ofPlatform()
                .start(() -> {
                  try (Participant p = participant(f, name, client)) {
                    Participant.Result r = p.run();
                    synchronized (results) {
                      results.put(client, r);
                    }
                  } catch (Throwable t) {
                    synchronized (failures) {
                      failures.put(client, t);
                    }
                  }
                }));
      }
      for (Thread t : threads.values()) t.join();
      for (Throwable t : failures.values()) throw new AssertionError(failures.keySet() + "", t);
      if (results.values().stream().anyMatch(r -> !r.finished()))
        throw new AssertionError("not finished: " + results);
      return f.state().values();
    }
  }
}
