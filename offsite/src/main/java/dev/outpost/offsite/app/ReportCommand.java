package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.offsite.report.CanaryExposure;
import dev.outpost.offsite.report.GradientProbe;
import dev.outpost.offsite.report.HiddenLikeness;
import dev.outpost.offsite.report.MembershipAttack;
import dev.outpost.offsite.report.MembershipInference;
import dev.outpost.offsite.report.PrivacyReport;
import dev.outpost.offsite.report.RecoveryProbe;
import dev.outpost.offsite.report.RowLosses;
import dev.outpost.offsite.report.Utility;
import dev.outpost.offsite.report.WeightsShipped;
import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Evenly;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost report}: what a package and its adapters give away. */
@CommandLine.Command(
    name = "report",
    description = {
      "Measure what a package tells of the owner's model, and an adapter of the private text: the five numbers and their gaps, weights shipped as they are, likeness of hidden states, how far a stranger heals the emulator, membership inference, canaries, tokens in gradients. What each number does not cover is said beside it; docs/privacy.md says more.",
      "Needs model and private text in one place: for rehearsals on text that may be seen, or for someone both sides trust."
    },
    footer = {
      "",
      "Example: outpost report --model owner/model --package package --adapter adapter",
      "           --private private/ --public public/ --out report"
    })
final class ReportCommand extends Command {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "The full model the package was made from.")
  Path model;

  @Option(
      names = "--package",
      required = true,
      paramLabel = "DIR",
      description = "The package: adapter and emulator.")
  Path pack;

  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      description =
          "A tuned adapter; several, tuned with other seeds on the same text, give standard errors.")
  List<Path> adapters = List.of();

  @Option(
      names = "--public",
      required = true,
      paramLabel = "PATH",
      description = "Public text, with which a stranger tries to heal the emulator.")
  Path open;

  @Option(
      names = "--private",
      paramLabel = "PATH",
      description = "The text the adapters were tuned on.")
  Path secret;

  @Option(
      names = "--validation",
      paramLabel = "SHARE",
      description =
          "Share of each text held back; of the private text it must be the share tune held back. Default: ${DEFAULT-VALUE}.")
  double validation = 0.1;

  @Option(
      names = "--block",
      paramLabel = "N",
      description = "Tokens per row, as tuned with. Default: the model's context, at most 512.")
  Integer block;

  @Option(
      names = "--rows",
      paramLabel = "N",
      description =
          "At most so many rows of each text are measured, evenly spread over it. Default: ${DEFAULT-VALUE}.")
  int rows = 2000;

  @Option(
      names = "--probe-steps",
      split = ",",
      paramLabel = "N",
      description =
          "Steps in which a stranger heals the emulator; several, such as 50,400, try several budgets, each from the start; 0 tries none. Default: 200.")
  List<Integer> probeSteps = List.of(200);

  @Option(
      names = "--probe-batch",
      paramLabel = "N",
      description = "Rows of public text per such step. Default: ${DEFAULT-VALUE}.")
  int probeBatch = 4;

  @Option(
      names = "--probe-lr",
      paramLabel = "X",
      description = "Learning rate of these steps. Default: ${DEFAULT-VALUE}.")
  float probeRate = 1e-3f;

  @Option(
      names = "--fine-tune-steps",
      paramLabel = "N",
      description =
          "Steps of fine-tuning the whole model on the private text, for the fifth number. Default: ${DEFAULT-VALUE}, not measured.")
  int fineTuneSteps;

  @Option(
      names = "--canary",
      paramLabel = "TEXT",
      description =
          "A text planted in the private text, whose last digits are a secret; may be repeated. Default: none.")
  List<String> canaries = List.of();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Folder for report.txt and report.json. Default: only shown.")
  Path out;

  @Mixin DeviceOptions device;

  ReportCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  Optional<DeviceOptions> device() {
    return Optional.of(device);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    BadInput.unless(rows >= 1, "--rows: must be at least 1, got " + rows);
    BadInput.unless(
        probeSteps.stream().allMatch(n -> n >= 0)
            && (probeSteps.size() == 1 || !probeSteps.contains(0)),
        "--probe-steps: must be whole numbers above 0, or a single 0 to try none, got "
            + probeSteps);
    BadInput.unless(probeBatch >= 1, "--probe-batch: must be at least 1, got " + probeBatch);
    BadInput.unless(
        probeRate > 0 && Float.isFinite(probeRate),
        "--probe-lr: must be above 0, got " + probeRate);
    BadInput.unless(
        fineTuneSteps >= 0, "--fine-tune-steps: must be 0 or more, got " + fineTuneSteps);
    BadInput.unless(
        validation > 0 && validation < 1,
        "--validation: must be above 0 and below 1, got " + validation);
    BadInput.unless(
        secret != null || fineTuneSteps == 0, "--fine-tune-steps: needs --private PATH");
    BadInput.unless(
        !adapters.isEmpty() || canaries.isEmpty(),
        "--canary: needs an --adapter to look for it in");
    model = ModelOptions.located(model);
    try (ModelFolder folder = ModelFolder.open(model);
        OffsitePackage p = OffsitePackage.open(pack)) {
      BaseFingerprint base = BaseFingerprint.of(folder.model());
      if (!base.equals(p.base()))
        throw new BadInput(
            "--package: is of base " + p.base().brief() + "…, --model is " + base.brief() + "…");
      Work work = new Work(folder.model(), base, p, console, kernels);
      PrivacyReport report = work.report();
      if (stopRequested()) return ExitCode.INTERRUPTED;
      report.lines().forEach(console::say);
      console.emit(report.toJson().put("event", "result"));
      if (out != null) {
        Files.createDirectories(out);
        String page = String.join("\n", report.lines()) + "\n";
        AtomicFile.write(out.resolve("report.txt"), page.getBytes(StandardCharsets.UTF_8));
        report.toJson().write(out.resolve("report.json"));
      }
      return ExitCode.OK;
    }
  }

  /** A text in rows, the part that is trained on and the part that is not. */
  private record Rows(Blocks train, Blocks held) {}

  /** One report in the making. */
  private final class Work {
    private final TransformerModel full;
    private final BaseFingerprint base;
    private final OffsitePackage pack;
    private final Console console;
    private final Kernels kernels;
    private final Tokenizer tokenizer;
    private final int length;
    private final Rows shared;
    private final @Nullable Rows hidden;
    private final List<TransformerModel> plugged = new ArrayList<>();
    private final List<TransformerModel> tuned = new ArrayList<>();
    private final Map<String, JsonObject> promises = new LinkedHashMap<>();

    Work(
        TransformerModel full,
        BaseFingerprint base,
        OffsitePackage pack,
        Console console,
        Kernels kernels)
        throws Exception {
      this.full = full;
      this.base = base;
      this.pack = pack;
      this.console = console;
      this.kernels = kernels;
      this.tokenizer = ModelOptions.tokenizer(model, full);
      this.length = length(full.spec().context());
      this.shared = rows(open);
      this.hidden = secret == null ? null : rows(secret);
      for (Path path : adapters) plug(path);
    }

    private int length(int context) {
      CorpusOptions options = new CorpusOptions();
      options.block = block;
      return options.block(context);
    }

    private Rows rows(Path text) throws Exception {
      Corpus.Split parts = Corpus.read(text, "**").split(validation);
      return new Rows(
          parts.train().blocks(tokenizer, length), parts.validation().blocks(tokenizer, length));
    }

    private void plug(Path path) throws Exception {
      AdapterArtifact a = AdapterArtifact.read(path);
      plugged.add(Attach.merge(PlugIn.apply(full, base, a), kernels));
      tuned.add(Attach.merge(PlugIn.intoEmulator(pack, a), kernels));
      if (a.provenance().has("privacy"))
        promises.put(path.toString(), a.provenance().object("privacy"));
    }

    PrivacyReport report() {
      console.note("weights and hidden states");
      WeightsShipped weights = WeightsShipped.of(full, pack.model(), kernels);
      Examples seen = some(shared.held);
      HiddenLikeness likeness = HiddenLikeness.of(full, pack.model(), kernels, seen, 64);
      return new PrivacyReport(
          hidden == null ? null : utility(hidden),
          weights,
          likeness,
          recovery(seen),
          hidden == null || plugged.isEmpty() ? List.of() : membership(hidden),
          exposed(),
          hidden == null ? Optional.empty() : gradient(hidden),
          promises);
    }

    private List<RecoveryProbe> recovery(Examples held) {
      List<RecoveryProbe> all = new ArrayList<>();
      for (int steps : probeSteps)
        if (steps > 0)
          all.add(
              RecoveryProbe.of(
                  full,
                  pack.model(),
                  pack.adapterSlots(),
                  shared.train,
                  held,
                  TrainingPlan.of(steps, probeBatch, probeRate, seed)
                      .evaluatingEvery(Math.max(1, steps / 4)),
                  kernels,
                  bar(console, "heal")));
      return all;
    }

    private Examples some(Blocks all) {
      return Evenly.of(all, rows);
    }

    private double loss(TransformerModel m, Rows text) {
      return Perplexity.of(m, kernels, kernels.memory().workspace(), some(text.held), 8).meanLoss();
    }

    private Utility utility(Rows text) {
      console.note("the five numbers");
      double tunedFully = Double.NaN;
      if (fineTuneSteps > 0) {
        TransformerModel all = full.trainable(n -> n.startsWith("blocks."));
        TrainingPlan plan =
            TrainingPlan.of(fineTuneSteps, probeBatch, probeRate, seed)
                .evaluatingEvery(Math.max(1, fineTuneSteps / 4));
        Examples held = some(text.held);
        new Trainer(all, Objective.languageModel(), text.train, held, plan, kernels)
            .run(bar(console, "fine-tune"));
        tunedFully = loss(all, text);
      }
      return new Utility(
          loss(full, text),
          loss(pack.model(), text),
          tuned.stream().map(m -> loss(m, text)).toList(),
          plugged.stream().map(m -> loss(m, text)).toList(),
          tunedFully);
    }

    /** Who has the full model, and who has only the package. */
    private List<MembershipAttack> membership(Rows text) {
      console.note("membership inference");
      Losses before = new Losses(full, text);
      Losses drafted = new Losses(pack.model(), text);
      List<MembershipInference> owner = new ArrayList<>();
      List<MembershipInference> gain = new ArrayList<>();
      List<MembershipInference> holder = new ArrayList<>();
      for (int i = 0; i < plugged.size(); i++) {
        Losses after = new Losses(plugged.get(i), text);
        owner.add(
            MembershipInference.of(
                "owner, loss of [A', E]", negated(after.in), negated(after.away)));
        gain.add(before.less(after, "owner, loss of [A, E] less that of [A', E]"));
        holder.add(
            drafted.less(
                new Losses(tuned.get(i), text),
                "package holder, loss of [A, E*] less that of [A', E*]"));
      }
      MembershipInference control =
          MembershipInference.of(
              "untouched model, loss (control)", negated(before.in), negated(before.away));
      return List.of(
          new MembershipAttack(List.of(control)),
          new MembershipAttack(owner),
          new MembershipAttack(gain),
          new MembershipAttack(holder));
    }

    /** A model's losses on rows that were trained on and on rows that were not. */
    private final class Losses {
      private final double[] in;
      private final double[] away;

      Losses(TransformerModel m, Rows text) {
        in = RowLosses.of(m, kernels, some(text.train));
        away = RowLosses.of(m, kernels, some(text.held));
      }

      MembershipInference less(Losses after, String score) {
        return MembershipInference.of(
            score, difference(in, after.in), difference(away, after.away));
      }
    }

    private static double[] negated(double[] losses) {
      return difference(new double[losses.length], losses);
    }

    private static double[] difference(double[] a, double[] b) {
      double[] d = new double[a.length];
      for (int i = 0; i < d.length; i++) d[i] = a[i] - b[i];
      return d;
    }

    private Map<String, List<CanaryExposure>> exposed() {
      Map<String, List<CanaryExposure>> all = new LinkedHashMap<>();
      for (String canary : canaries) {
        List<CanaryExposure> each = new ArrayList<>();
        try {
          each.add(CanaryExposure.of(full, kernels, tokenizer, canary, 999, seed));
          for (TransformerModel m : plugged)
            each.add(CanaryExposure.of(m, kernels, tokenizer, canary, 999, seed));
        } catch (IllegalArgumentException e) {
          throw new BadInput("--" + e.getMessage());
        }
        all.put(canary, each);
      }
      return all;
    }

    private Optional<GradientProbe> gradient(Rows text) {
      if (!pack.adapterSlots().contains(full.slots().getFirst().name())) return Optional.empty();
      console.note("tokens in gradients");
      return GradientProbe.of(full, kernels, text.train, 4);
    }
  }
}
