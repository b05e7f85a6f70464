package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.tune.AdapterTuning;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.data.TrainingData;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost tune}: the data owner's work, with nothing but the package and the data. */
@CommandLine.Command(
    name = "tune",
    description = {
      "Data owner: tune a package's adapter on private text or examples.",
      "Needs only the package. What is written to --out holds the adapter and nothing else; the state of a run is kept beside it, in DIR.training. Run the same command again to resume."
    },
    footer = {
      "",
      "Without --steps, --batch and --lr: 200 steps of 4 blocks at 1e-4, with --lora at 1e-3.",
      "Example: outpost tune --package package --corpus private/ --out adapter"
    })
final class TuneCommand extends Command {
  @Mixin DataOptions data;
  @Mixin TrainingOptions training;

  @Option(
      names = "--package",
      required = true,
      paramLabel = "DIR",
      description = "The package from the owner.")
  Path pack;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for the tuned adapter.")
  Path out;

  @Option(
      names = "--lora",
      paramLabel = "RANK",
      description =
          "Tune LoRA of this rank inside the adapter blocks instead of all their parameters.")
  Integer lora;

  @Option(
      names = "--lora-alpha",
      paramLabel = "X",
      description = "LoRA's alpha. Default: twice the rank.")
  Float alpha;

  @Option(names = "--lora-dropout", paramLabel = "P", description = "LoRA's dropout. Default: 0.")
  Float dropout;

  TuneCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    TrainingPlan plan = training.plan(200, 4, lora == null ? 1e-4f : 1e-3f, seed);
    Optional<LoraConfig> config = lora();
    OutputFolder folder = OutputFolder.of(out, OutputFolder.Kind.ADAPTER, pack);
    try (OffsitePackage p = OffsitePackage.open(pack)) {
      Tokenizer tokenizer = ModelOptions.tokenizer(pack, p.model());
      int context = p.model().spec().context();
      TrainingData rows =
          data.given()
              ? data.rows(tokenizer, context, training.validation, folder.state())
              : data.corpus
                  .read(console)
                  .split(training.validation)
                  .rows(tokenizer, data.corpus.block(context));
      Blocks train = rows.train();
      AdapterTuning tuning = AdapterTuning.of(p, config, seed);
      TransformerModel model = tuning.model();
      console.note(
          String.format(
              Locale.ROOT,
              "tuning %,d of %,d parameters on %d blocks of %d tokens",
              model.count(true),
              model.count(false),
              train.count(),
              train.length()));
      Trainer trainer = tuning.trainer(train, rows.validation(), plan, kernels);
      Map<String, String> identity =
          Map.of(
              "package_sha256",
              p.sha256(),
              "lora",
              config.map(LoraConfig::toString).orElse("none"));
      Trainer.Result result = trainer.run(folder.state(), identity, bar(console, "tune"));
      if (!result.finished()) {
        console.error(folder.stopped(result.steps()));
        return ExitCode.INTERRUPTED;
      }
      JsonObject provenance =
          JsonObject.create()
              .put("steps", result.steps())
              .put("best_step", result.bestStep())
              .put("emulator_perplexity", Math.exp(result.bestLoss()))
              .put("train_blocks", train.count())
              .put("block", train.length())
              .put("batch", plan.batch() * plan.accumulation())
              .put("learning_rate", plan.learningRate())
              .put("seed", seed);
      tuning.artifact(provenance).write(out);
      console.say(
          String.format(
              Locale.ROOT,
              "adapter written to %s; emulator perplexity on held-back text %.2f (best of step %d)",
              out,
              Math.exp(result.bestLoss()),
              result.bestStep()));
      console.emit(
          JsonObject.create()
              .put("event", "result")
              .put("adapter", out.toString())
              .put("emulator_perplexity", Math.exp(result.bestLoss()))
              .put("trainable_parameters", model.count(true))
              .put("peak_workspace_bytes", trainer.workspaceMeter().peakBytes()));
      return ExitCode.OK;
    }
  }

  private Optional<LoraConfig> lora() {
    if (lora == null) {
      BadInput.unless(alpha == null, "--lora-alpha: needs --lora RANK");
      BadInput.unless(dropout == null, "--lora-dropout: needs --lora RANK");
      return Optional.empty();
    }
    try {
      return Optional.of(
          new LoraConfig(
              lora,
              alpha == null ? 2f * lora : alpha,
              dropout == null ? 0 : dropout,
              LoraConfig.ALL_PROJECTIONS));
    } catch (IllegalArgumentException e) {
      throw new BadInput("--" + e.getMessage());
    }
  }
}
