package dev.outpost.offsite.app;

import dev.outpost.offsite.control.CompressionCurve;
import dev.outpost.offsite.control.ControlStudy;
import dev.outpost.offsite.control.ControlTable;
import dev.outpost.offsite.control.FederationControl;
import dev.outpost.offsite.control.FleetModel;
import dev.outpost.offsite.control.Ppo;
import dev.outpost.offsite.control.PpoSettings;
import dev.outpost.offsite.control.Scenario;
import dev.outpost.offsite.federated.Emulators;
import dev.outpost.offsite.federated.FederationPlan;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.LongStream;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outpost control}: who tunes in a round, and through which emulator. */
@CommandLine.Command(
    name = "control",
    description = {
      "Let a policy learn on a simulated federation which devices take part in a round and which emulator each gets, and compare it with fixed, random and greedy choices and with federated full tuning.",
      "--out holds a folder per seed with the training's state and policy, results.jsonl and index.html, one page of tables and plots that needs no network. Ctrl-C saves and stops; the same command goes on, bit for bit."
    },
    footer = {
      "",
      "docs/control.md tells what is measured and what is a model.",
      "Example: outpost control train --out control && outpost control compare --out control",
      "         outpost control train --plan federation.json --seeds 1 --out control",
      "         outpost serve --plan federation.json --controller control/seed-42/policy.safetensors …"
    })
final class ControlCommand extends Command {
  /** What to do. */
  enum What {
    train,
    compare
  }

  @Parameters(
      index = "0",
      paramLabel = "WHAT",
      description =
          "train: a policy for every seed's federation. compare: all controllers on them; give the options of the training.")
  What what;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for policies, results and page.")
  Path out;

  @Option(
      names = "--preset",
      paramLabel = "NAME",
      description =
          "Whose sizes: gpt2-xl, as the FedPEAT paper quotes it, or base, this project's small model. Default: ${DEFAULT-VALUE}.")
  String preset = "gpt2-xl";

  @Option(
      names = "--plan",
      paramLabel = "FILE",
      description =
          "For train, instead of --preset: a federation's own plan. Its packages are what can be handed out, its clients and rounds what is learned for; outpost serve --controller takes the policy.")
  Path plan;

  @Option(
      names = "--curves",
      paramLabel = "FILE",
      description =
          "Loss curves by what emulators keep, as JSON lines. Default: those measured on this project's base.")
  Path curves;

  @Option(
      names = "--devices",
      paramLabel = "N",
      description = "Devices of the federation. Default: ${DEFAULT-VALUE}.")
  int devices = FleetModel.DEFAULT.devices();

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Rounds of an episode. Default: ${DEFAULT-VALUE}.")
  int rounds = 50;

  @Option(
      names = "--tuning-speed",
      paramLabel = "LOW-HIGH",
      description =
          "TFLOP/s that devices tune at; their time counts as delay then. Default: tuning takes no time, as in the paper's experiments.")
  String tuningSpeed;

  @Option(
      names = "--seeds",
      paramLabel = "N",
      description =
          "So many federations, each with its policy, from --seed on. Default: ${DEFAULT-VALUE}.")
  int seeds = 5;

  @Option(
      names = "--iterations",
      paramLabel = "N",
      description = "Iterations of each training. Default: ${DEFAULT-VALUE}.")
  int iterations = PpoSettings.DEFAULT.iterations();

  @Option(
      names = "--episodes",
      paramLabel = "N",
      description = "Episodes per controller and seed in compare. Default: ${DEFAULT-VALUE}.")
  int episodes = 20;

  ControlCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    within("--devices", devices, 1, 10_000);
    within("--rounds", rounds, 1, 100_000);
    within("--seeds", seeds, 1, 10_000);
    within("--iterations", iterations, 1, 10_000_000);
    within("--episodes", episodes, 1, 1_000_000);
    ControlStudy study =
        new ControlStudy(
            scenario(),
            PpoSettings.DEFAULT.lasting(iterations),
            LongStream.range(seed, seed + seeds).boxed().toList(),
            out,
            kernels);
    return switch (what) {
      case train -> train(console, study);
      case compare -> compare(console, study);
    };
  }

  private Scenario scenario() throws IOException {
    CompressionCurve curve =
        curves == null ? CompressionCurve.measured() : CompressionCurve.read(curves);
    Scenario chosen;
    try {
      if (plan != null) return own(curve);
      chosen = Scenario.preset(preset, curve);
    } catch (IllegalArgumentException e) {
      throw new BadInput("--" + e.getMessage());
    }
    FleetModel fleet = chosen.fleet().of(devices);
    if (tuningSpeed != null) fleet = fleet.tuningAt(speeds());
    return chosen.with(fleet).lasting(rounds);
  }

  /** Packages, clients and rounds of a plan; devices are drawn as for the presets. */
  private Scenario own(CompressionCurve curve) throws IOException {
    BadInput.unless(
        what == What.train,
        "--plan: is of use to train only; compare plays simulated federations of a preset");
    BadInput.unless(
        tuningSpeed == null, "--tuning-speed: what parties of a plan tune at is not known");
    FederationPlan federation = FederationPlan.read(plan);
    Scenario scenario =
        FederationControl.of(federation, Emulators.open(federation.emulators()), curve).scenario();
    return scenario.with(scenario.fleet().of(federation.clients().size()));
  }

  private FleetModel.Range speeds() {
    String[] bounds = tuningSpeed.split("-", -1);
    try {
      return new FleetModel.Range(
          1e12 * Double.parseDouble(bounds[0]),
          1e12 * Double.parseDouble(bounds[bounds.length - 1]));
    } catch (IllegalArgumentException e) {
      throw new BadInput(
          "--tuning-speed: must be two TFLOP/s such as 1-5, the lower first, got " + tuningSpeed);
    }
  }

  private static void within(String option, int value, int low, int high) {
    if (value < low || value > high)
      throw new BadInput(option + ": must be between " + low + " and " + high + ", got " + value);
  }

  private int train(Console console, ControlStudy study) throws IOException {
    stopGently(console);
    boolean finished =
        study.train((which, of, report) -> {
          show(console, which, of, report);
          return !stopRequested();
        });
    if (!finished) {
      console.error("stopped; run the same command to go on");
      return ExitCode.INTERRUPTED;
    }
    console.say(seeds + " policies are trained; they are in " + out);
    console.emit(
        JsonObject.create()
            .put("event", "result")
            .put("policies", seeds)
            .put("out", out.toString()));
    return ExitCode.OK;
  }

  private void show(Console console, long which, int of, Ppo.Report r) {
    console.emit(
        JsonObject.create()
            .put("event", "iteration")
            .put("seed", which)
            .put("iteration", r.iteration())
            .put("iterations", of)
            .put("reward", r.reward())
            .put("kl", r.kl())
            .put("beta", r.beta())
            .put("entropy", r.entropy())
            .put("clipped", r.clipped())
            .put("value_loss", r.valueLoss()));
    if (console.json()) return;
    String line =
        String.format(
            Locale.ROOT,
            "  seed %-6d %d/%d  reward %.2f  entropy %.2f  KL %.4f  β %.3g",
            which,
            r.iteration(),
            of,
            r.reward(),
            r.entropy(),
            r.kl(),
            r.beta());
    boolean tenth = r.iteration() * 10L / of != (r.iteration() - 1) * 10L / of;
    if (r.iteration() == of || (tenth && !console.hasBar())) console.note(line);
    else console.bar(line);
  }

  private int compare(Console console, ControlStudy study) throws IOException {
    List<JsonObject> lines = study.compare(episodes);
    ControlTable.lines(lines).forEach(console::say);
    String page = out.resolve(ControlStudy.PAGE).toString();
    console.say("");
    console.say("the page is " + page);
    for (JsonObject line : lines)
      console.emit(JsonObject.create().put("event", "line").put("line", line));
    console.emit(
        JsonObject.create()
            .put("event", "result")
            .put("results", out.resolve(ControlStudy.RESULTS).toString())
            .put("page", page)
            .put("lines", lines.size()));
    return ExitCode.OK;
  }
}
