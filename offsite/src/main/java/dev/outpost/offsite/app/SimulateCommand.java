package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.simulation.ClientRunner;
import dev.outpost.offsite.simulation.Simulation;
import dev.outpost.offsite.simulation.SimulationData;
import dev.outpost.offsite.simulation.SimulationPlan;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.data.TrainingData;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost simulate}: a federation of thousands, in one program. */
@CommandLine.Command(
    name = "simulate",
    description = {
      "Try a federation before there is one: simulated clients, each with its own share of a text, really tune a package's adapter; some fail, some are late.",
      "Run the same command again to go on where it stopped. The adapter in --out/adapter is the same bits on any runner and any number of threads."
    },
    footer = {
      "",
      "Example: outpost simulate --plan simulation.json --out simulated",
      "The plan's fields are told in docs/federation.md."
    })
final class SimulateCommand extends Command {
  @Option(
      names = "--plan",
      required = true,
      paramLabel = "FILE",
      description = "What to simulate, as JSON.")
  Path plan;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for the state, a line per round, and the adapter.")
  Path out;

  @Option(
      names = "--runner",
      paramLabel = "NAME",
      description =
          "Where clients run: threads (of this program), or spark with outpost-spark on the class path. Default: ${DEFAULT-VALUE}.")
  String runner = "threads";

  @Mixin EventOptions events;

  SimulateCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    SimulationPlan read = SimulationPlan.read(plan);
    OutputFolder.of(out, OutputFolder.Kind.NONE, read.pack());
    SimulationData data = data(read);
    ClientRunner.Maker maker;
    try {
      maker = ClientRunner.maker(runner);
    } catch (IllegalArgumentException e) {
      throw new BadInput("--" + e.getMessage());
    }
    ClientRunner.Setting setting =
        new ClientRunner.Setting(
            read.pack(), read.method(), read.local(), data.tokens(), data.length());
    try (EventOptions.Events told = events.open(console);
        ClientRunner clients = maker.make(setting, threads)) {
      console.note(
          String.format(
              Locale.ROOT,
              "%,d clients, %d asked per round, %d rows of %d tokens each; on %s",
              read.clients(),
              read.perRound(),
              data.labels().length / read.clients(),
              data.length(),
              clients.describe()));
      Simulation simulation =
          new Simulation(read, data, out, clients, kernels, watch(console, told, read.rounds()));
      Simulation.Result result = simulation.run();
      if (!result.finished()) {
        console.error("stopped; run the same command again to go on");
        return ExitCode.INTERRUPTED;
      }
      Path adapter = out.resolve("adapter");
      simulation.artifact(result.state()).write(adapter);
      console.say("all rounds are done; the adapter is " + adapter);
      console.emit(JsonObject.create().put("event", "result").put("adapter", adapter.toString()));
      return ExitCode.OK;
    }
  }

  private Simulation.Watch watch(Console console, EventOptions.Events told, int rounds) {
    return new Simulation.Watch() {
      private long since = System.nanoTime();

      @Override
      public void round(Simulation.Round r) {
        double seconds = (System.nanoTime() - since) / 1e9;
        since = System.nanoTime();
        console.say(
            String.format(
                Locale.ROOT,
                "round %d of %d: %d of %d counted, %d late, %d dropped%s; %.1f s, %s",
                r.round(),
                rounds,
                r.counted(),
                r.asked(),
                r.late(),
                r.dropped(),
                Double.isNaN(r.loss())
                    ? ""
                    : String.format(
                        Locale.ROOT, "; emulator's perplexity %.3f", Math.exp(r.loss())),
                seconds,
                TrainingBar.memory()));
        console.emit(r.toJson().put("event", "round").put("seconds", seconds));
        told.add(r.round(), "round/counted", r.counted());
        told.add(r.round(), "round/late", r.late());
        told.add(r.round(), "round/dropped", r.dropped());
        told.add(r.round(), "round/simulated_time", r.time());
        told.add(r.round(), "round/seconds", seconds);
        if (Double.isNaN(r.loss())) return;
        told.add(r.round(), "round/loss", r.loss());
        told.add(r.round(), "round/perplexity", Math.exp(r.loss()));
      }

      @Override
      public boolean stopRequested() {
        return SimulateCommand.this.stopRequested();
      }
    };
  }

  /** Rows of every label: the folders at the top of the text, or one label where there is none. */
  private static SimulationData data(SimulationPlan plan) throws IOException {
    SimulationPlan.Text text = plan.text();
    try (OffsitePackage pack = OffsitePackage.open(plan.pack())) {
      Tokenizer tokenizer = ModelOptions.tokenizer(plan.pack(), pack.model());
      int context = pack.model().spec().context();
      BadInput.unless(
          text.block() <= context,
          plan.pack() + ": a block of " + text.block() + " is more than its context of " + context);
      List<int[]> tokens = new ArrayList<>();
      List<int[]> held = new ArrayList<>();
      List<int[]> labels = new ArrayList<>();
      for (Path part : parts(text.path())) {
        TrainingData rows =
            Corpus.read(part, text.include())
                .split(text.validation())
                .rows(tokenizer, text.block());
        int[] mine = new int[rows.train().count()];
        Arrays.fill(mine, labels.size());
        labels.add(mine);
        tokens.add(all(rows.train()));
        held.add(all(rows.validation()));
      }
      return new SimulationData(
          joined(tokens), text.block(), joined(labels), Blocks.of(joined(held), text.block()));
    }
  }

  private static List<Path> parts(Path text) throws IOException {
    if (!Files.isDirectory(text)) return List.of(text);
    try (Stream<Path> s = Files.list(text)) {
      List<Path> folders = s.filter(Files::isDirectory).sorted().toList();
      return folders.isEmpty() ? List.of(text) : folders;
    }
  }

  private static int[] all(Blocks rows) {
    int[] which = new int[rows.count()];
    Arrays.setAll(which, i -> i);
    return rows.ids(which);
  }

  private static int[] joined(List<int[]> parts) {
    return parts.stream().flatMapToInt(Arrays::stream).toArray();
  }
}
