package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.LayerRanking;
import dev.outpost.offsite.emulator.DynamicLayerReplace;
import dev.outpost.offsite.emulator.LeaveOneOut;
import dev.outpost.offsite.emulator.StoppedException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.data.TrainingData;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost rank}: which blocks matter, and harmonizers for those that do not. */
@CommandLine.Command(
    name = "rank",
    description = {
      "Owner: learn on public text how much each block of a model matters, and a harmonizer to stand in for it (ScaleOT's first stage).",
      "Done once per model: 'outpost emulate --scaleot' and the step layer-replace make emulators of every size from the ranking. It stays with the owner. The state of the run is kept beside it, in DIR.training. Run the same command again to resume.",
      "Harmonizers learn on the training part of the text; blocks are judged on the held-back part. What a validation measures is the network that keeps the better half of each group."
    },
    footer = {
      "",
      "Without --steps, --batch and --lr: 400 steps of 4 blocks at 1e-3.",
      "Example: outpost rank --model owner/model --corpus public/ --out ranking",
      "         outpost emulate --model owner/model --scaleot 4,0.25,0.8",
      "           --ranking ranking --out package"
    })
final class RankCommand extends Command {
  private static final int BAR = 24;

  @Mixin CorpusOptions corpus;
  @Mixin TrainingOptions training;

  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "The full model: a Hugging Face folder or a GGUF file.")
  Path model;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for the ranking.")
  Path out;

  @Option(
      names = "--group",
      paramLabel = "N",
      description =
          "Neighbouring blocks that compete; about half of each group is replaced in every trial. Default: ${DEFAULT-VALUE}.")
  int group = DynamicLayerReplace.Settings.PAPER.group();

  @Option(
      names = "--candidates",
      paramLabel = "N",
      description = "Trials per step on the scores. Default: ${DEFAULT-VALUE}.")
  int candidates = DynamicLayerReplace.Settings.PAPER.candidates();

  @Option(
      names = "--score-rate",
      paramLabel = "X",
      description = "Factor on a score's step. Default: ${DEFAULT-VALUE}, the paper's equation.")
  double scoreRate = DynamicLayerReplace.Settings.PAPER.scoreRate();

  @Option(
      names = "--rank",
      paramLabel = "N",
      description = "Rank of the harmonizers. Default: ${DEFAULT-VALUE}.")
  int rank = DynamicLayerReplace.Settings.PAPER.rank();

  @Option(
      names = "--check",
      description =
          "Also measure on the held-back text how much worse the model is without each block, and tell how well the scores agree.")
  boolean check;

  @Mixin DeviceOptions device;

  RankCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  Optional<DeviceOptions> device() {
    return Optional.of(device);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    TrainingPlan plan = training.plan(400, 4, 1e-3f, seed);
    BadInput.unless(group >= 2, "--group: must be at least 2, got " + group);
    BadInput.unless(candidates >= 2, "--candidates: must be at least 2, got " + candidates);
    BadInput.unless(
        scoreRate > 0 && Double.isFinite(scoreRate),
        "--score-rate: must be above 0 and finite, got " + scoreRate);
    BadInput.unless(rank >= 1 && rank <= 1 << 16, "--rank: must be 1 to 65536, got " + rank);
    model = ModelOptions.located(model);
    OutputFolder output = OutputFolder.of(out, OutputFolder.Kind.RANKING, model);
    try (ModelFolder folder = ModelFolder.open(model)) {
      folder.report().notes().forEach(console::note);
      TransformerModel full = folder.model();
      BadInput.unless(
          full.slots().size() >= 2,
          "--model: " + model + " has one block, so there is nothing to compare");
      TrainingData text =
          corpus
              .read(console)
              .split(training.validation)
              .rows(ModelOptions.tokenizer(model, full), corpus.block(full.spec().context()));
      DynamicLayerReplace stage =
          new DynamicLayerReplace(
              full,
              new DynamicLayerReplace.Settings(group, candidates, scoreRate, rank),
              text.train(),
              text.validation(),
              plan,
              kernels);
      LayerRanking learned = stage.run(output.state(), bar(console, "rank"));
      learned.write(out);
      show(
          console,
          learned,
          check ? LeaveOneOut.of(full, kernels, text.validation(), plan.batch()) : null);
      return ExitCode.OK;
    } catch (StoppedException e) {
      console.error(output.stopped(e.steps()));
      return ExitCode.INTERRUPTED;
    }
  }

  /** The table and the line of JSON. */
  private void show(Console console, LayerRanking ranking, @Nullable LeaveOneOut measured) {
    List<Double> scores = ranking.scores();
    double least = scores.stream().mapToDouble(s -> s).min().orElse(0);
    double most = scores.stream().mapToDouble(s -> s).max().orElse(0);
    console.say(
        String.format(
            Locale.ROOT,
            "%-10s  %10s  %10s%s",
            "block",
            "score",
            "importance",
            measured == null ? "" : "  perplexity without"));
    for (int i = 0; i < scores.size(); i++) {
      double share = most > least ? (scores.get(i) - least) / (most - least) : 1;
      console.say(
          String.format(
              Locale.ROOT,
              "%-10s  %+10.5f  %10.4f%s  %s",
              "blocks." + i,
              scores.get(i),
              ranking.importance().get(i),
              measured == null
                  ? ""
                  : String.format(Locale.ROOT, "  %18.2f", Math.exp(measured.without().get(i))),
              "━".repeat((int) Math.round(share * BAR))));
    }
    double half = Math.exp(ranking.history().getLast().validationLoss());
    JsonObject result =
        JsonObject.create()
            .put("event", "result")
            .put("ranking", out.toString())
            .put("scores", scores)
            .put("importance", ranking.importance())
            .put("group", ranking.group())
            .put("half_perplexity", half)
            .put("base_fingerprint", ranking.base().sha256());
    if (measured != null) {
      double alike = measured.agreement(scores);
      double inGroups = measured.agreementInGroups(scores, ranking.group());
      console.say(
          String.format(
              Locale.ROOT,
              "perplexity of the whole model %.2f; rank correlation of the scores with that without each block %.2f, within groups %.2f",
              Math.exp(measured.full()),
              alike,
              inGroups));
      result
          .put("full_loss", measured.full())
          .put("loss_without", measured.without())
          .put("spearman", alike)
          .put("spearman_in_groups", inGroups);
    }
    console.say(
        String.format(
            Locale.ROOT,
            "ranking written to %s: base %s…; with half of the blocks replaced, validation perplexity %.2f",
            out,
            ranking.base().brief(),
            half));
    console.emit(result);
  }
}
