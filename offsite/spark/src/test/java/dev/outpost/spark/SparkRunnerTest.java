package dev.outpost.spark;

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
import dev.outpost.offsite.simulation.ClientRunner;
import dev.outpost.offsite.simulation.ClientWork;
import dev.outpost.offsite.simulation.Faults;
import dev.outpost.offsite.simulation.Simulation;
import dev.outpost.offsite.simulation.SimulationData;
import dev.outpost.offsite.simulation.SimulationPlan;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.peft.BottleneckConfig;
import dev.outpost.transformer.train.Blocks;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SparkRunnerTest {
  private static final Kernels KERNELS = TinyModels.best();

  @TempDir Path dir;

  private SimulationPlan plan() throws Exception {
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
    return new SimulationPlan(
        dir.resolve("package"),
        new SimulationPlan.Text(dir, "**", 12, 0.1),
        12,
        6,
        0.5,
        new BottleneckConfig(3, 0, BottleneckConfig.BOTH_HALVES),
        // Everything that travels: control variates there and back, a proximal term.
        new LocalPlan(2, 2, 1e-2f, 0, 0.1f, true),
        3,
        new AggregationRule.WeightedMean(),
        new ServerOptimizer.Take(),
        new Faults(0.2, 0.5, 3),
        1,
        7);
  }

  private static SimulationData data() {
    int[] labels = new int[36];
    for (int i = 0; i < labels.length; i++) labels[i] = i / 12;
    return new SimulationData(
        TinyModels.tokens(36 * 12, 23, 3), 12, labels, Blocks.of(TinyModels.tokens(48, 23, 4), 12));
  }

  @Test
  void sparkGivesTheSameBitsAsThreads() throws Exception {
    SimulationPlan plan = plan();
    AdapterValues threads = run(plan, "threads");
    AdapterValues spark = run(plan, "spark");
    assertThat(spark.names()).isEqualTo(threads.names());
    for (String n : spark.names())
      assertThat(spark.get(n).toArray()).as(n).isEqualTo(threads.get(n).toArray());
  }

  private AdapterValues run(SimulationPlan plan, String runner) throws Exception {
    ClientRunner.Setting setting =
        new ClientRunner.Setting(
            plan.pack(), plan.method(), plan.local(), data().tokens(), data().length());
    try (ClientRunner clients = ClientRunner.maker(runner).make(setting, 2)) {
      Simulation s =
          new Simulation(
              plan, data(), dir.resolve(runner), clients, KERNELS, new Simulation.Watch() {});
      return s.run().state().values();
    }
  }

  @Test
  void aFailureAtAnExecutorIsToldWithItsRound() throws Exception {
    SimulationPlan plan = plan();
    ClientRunner.Setting gone =
        new ClientRunner.Setting(
            dir.resolve("gone"), plan.method(), plan.local(), data().tokens(), data().length());
    ClientRunner.Start start = new ClientRunner.Start(3, AdapterValues.NONE, null);
    try (ClientRunner clients = ClientRunner.maker("spark").make(gone, 1)) {
      assertThat(clients.describe()).startsWith("Spark 4.");
      assertThatThrownBy(
              () -> clients.run(start, List.of(new ClientWork(0, 1, new int[] {0}, null))))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("spark: round 3")
          .hasMessageContaining("gone");
    }
  }
}
