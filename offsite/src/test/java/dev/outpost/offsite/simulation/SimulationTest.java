package dev.outpost.offsite.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.offsite.federated.AdapterValues;
import dev.outpost.offsite.federated.AggregationRule;
import dev.outpost.offsite.federated.LocalPlan;
import dev.outpost.offsite.federated.ServerOptimizer;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.peft.BottleneckConfig;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.train.Blocks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SimulationTest {
  private static final Kernels KERNELS = TinyModels.best();
  private static final PeftMethod BOTTLENECK =
      new BottleneckConfig(3, 0, BottleneckConfig.BOTH_HALVES);
  private static final Faults ROUGH = new Faults(0.2, 0.7, 2);

  @TempDir Path dir;

  @BeforeEach
  void aPackage() throws Exception {
    TransformerModel full = TinyModels.random(4, 1);
    EmulatorRecipe recipe = EmulatorRecipe.parse("1-1-1");
    OffsitePackage.write(
        dir.resolve("package"),
        recipe.make(full, Workshop.of(KERNELS, 1)).model(),
        recipe.split().of(full).adapterSlots(),
        BaseFingerprint.of(full),
        new Gpt2().write(full.spec(), 0),
        recipe.describe(),
        null);
  }

  private SimulationPlan plan(PeftMethod method, LocalPlan local, Faults faults) {
    return new SimulationPlan(
        dir.resolve("package"),
        new SimulationPlan.Text(dir, "**", 12, 0.1),
        20,
        8,
        0.3,
        method,
        local,
        4,
        new AggregationRule.WeightedMean(),
        new ServerOptimizer.Take(),
        faults,
        2,
        7);
  }

  private static SimulationData data() {
    int[] labels = new int[60];
    for (int i = 0; i < labels.length; i++) labels[i] = i / 20;
    return new SimulationData(
        TinyModels.tokens(60 * 12, 23, 3), 12, labels, Blocks.of(TinyModels.tokens(48, 23, 4), 12));
  }

  private AdapterValues run(String name, SimulationPlan plan, int threads, Simulation.Watch watch)
      throws Exception {
    ClientRunner.Setting setting =
        new ClientRunner.Setting(
            plan.pack(), plan.method(), plan.local(), data().tokens(), data().length());
    try (ClientRunner runner = ClientRunner.maker("threads").make(setting, threads)) {
      Simulation s = new Simulation(plan, data(), dir.resolve(name), runner, KERNELS, watch);
      return s.run().state().values();
    }
  }

  private static void same(AdapterValues a, AdapterValues b) {
    assertThat(a.names()).isEqualTo(b.names());
    for (String n : a.names()) assertThat(a.get(n).toArray()).as(n).isEqualTo(b.get(n).toArray());
  }

  private static final Simulation.Watch SILENT = new Simulation.Watch() {};

  /** Stops after so many rounds, as Ctrl-C does. */
  private static Simulation.Watch stopping(int after) {
    return new Simulation.Watch() {
      private int rounds;

      @Override
      public void round(Simulation.Round r) {
        rounds++;
      }

      @Override
      public boolean stopRequested() {
        return rounds >= after;
      }
    };
  }

  @Test
  void neitherThreadsNorInterruptionsChangeABit() throws Exception {
    SimulationPlan lora = plan(LoraConfig.of(2), LocalPlan.of(2, 2, 1e-2f), ROUGH);
    AdapterValues one = run("one", lora, 1, SILENT);
    same(run("three", lora, 3, SILENT), one);
    run("broken", lora, 2, stopping(1));
    run("broken", lora, 1, stopping(2));
    same(run("broken", lora, 2, SILENT), one);
    assertThat(Files.readString(dir.resolve("broken/rounds.jsonl")))
        .isEqualTo(Files.readString(dir.resolve("one/rounds.jsonl")))
        .contains("\"round\":4");
  }

  @Test
  void controlVariatesGoOnWhereTheyStopped() throws Exception {
    SimulationPlan scaffold = plan(BOTTLENECK, new LocalPlan(2, 2, 1e-2f, 0, 0, true), Faults.NONE);
    AdapterValues whole = run("whole", scaffold, 2, SILENT);
    run("broken", scaffold, 2, stopping(3));
    same(run("broken", scaffold, 1, SILENT), whole);
    SimulationPlan plain = plan(BOTTLENECK, LocalPlan.of(2, 2, 1e-2f), Faults.NONE);
    assertThat(run("plain", plain, 2, SILENT).minus(whole).norm())
        .as("the correction does something")
        .isGreaterThan(1e-6);
  }

  @Test
  void faultsAreCountedAndARoundWithoutAnswersChangesNothing() throws Exception {
    List<Simulation.Round> rounds = new ArrayList<>();
    Simulation.Watch watch =
        new Simulation.Watch() {
          @Override
          public void round(Simulation.Round r) {
            rounds.add(r);
          }
        };
    run("rough", plan(BOTTLENECK, LocalPlan.of(1, 2, 1e-2f), ROUGH), 2, watch);
    assertThat(rounds)
        .hasSize(4)
        .allSatisfy(r -> {
          assertThat(r.counted() + r.late() + r.dropped()).isEqualTo(r.asked()).isEqualTo(8);
          assertThat(r.time()).isBetween(0.01, 2.0);
          assertThat(Double.isNaN(r.loss())).isEqualTo(r.round() % 2 == 1);
        });
    assertThat(rounds.stream().mapToInt(Simulation.Round::dropped).sum()).isPositive();
    assertThat(rounds.stream().mapToInt(Simulation.Round::late).sum()).isPositive();
    rounds.clear();
    AdapterValues dead =
        run("dead", plan(BOTTLENECK, LocalPlan.of(1, 2, 1e-2f), new Faults(0, 0, 0.5)), 2, watch);
    assertThat(rounds).allMatch(r -> r.counted() == 0 && r.late() == 8);
    try (OffsitePackage p = OffsitePackage.open(dir.resolve("package"))) {
      same(dead, dev.outpost.offsite.federated.LocalTuning.start(p, BOTTLENECK, 7));
    }
  }

  @Test
  void anotherPlanIsNotGoneOnWith() throws Exception {
    run("s", plan(BOTTLENECK, LocalPlan.of(1, 2, 1e-2f), Faults.NONE), 1, stopping(1));
    assertThatThrownBy(
            () -> run("s", plan(BOTTLENECK, LocalPlan.of(2, 2, 1e-2f), Faults.NONE), 1, SILENT))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("another plan");
  }

  @Test
  void aPlanIsReadAndAMisspeltFieldRefused() throws Exception {
    Path file = dir.resolve("plan.json");
    String text =
        """
        {"package": "package", "text": {"path": "t", "block": 32}, "clients": 1000,
         "per_round": 50, "alpha": 0.5, "tune": {"method": "lora", "rank": 4},
         "local": {"steps": 5, "lr": 0.001, "proximal": 0.01}, "rounds": 3,
         "aggregation": {"rule": "trimmed-mean", "share": 0.1},
         "server": {"optimizer": "fedadam", "lr": 0.01}, "faults": {"drop": 0.1}}
        """;
    Files.writeString(file, text);
    SimulationPlan p = SimulationPlan.read(file);
    assertThat(p.pack()).isEqualTo(dir.resolve("package"));
    assertThat(p.rule()).isEqualTo(new AggregationRule.TrimmedMean(0.1));
    assertThat(p.optimizer()).isEqualTo(ServerOptimizer.FedAdam.of(0.01));
    assertThat(p.local().proximal()).isEqualTo(0.01f);
    Files.writeString(file, text.replace("per_round", "per_rounds"));
    assertThatThrownBy(() -> SimulationPlan.read(file))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("per_rounds")
        .hasMessageContaining("known are package");
    Files.writeString(file, text.replace("\"clients\": 1000", "\"clients\": 10"));
    assertThatThrownBy(() -> SimulationPlan.read(file))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("from 1 to the 10 clients, got 50");
  }
}
