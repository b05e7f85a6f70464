package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.tune.AdapterTuning;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.data.TrainingData;
import dev.outpost.transformer.family.Labels;
import dev.outpost.transformer.image.ImageFolder;
import dev.outpost.transformer.image.ImageSettings;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
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
      "Without --steps, --batch and --lr: 200 steps of 4 blocks at 1e-4; at 1e-3 by lora, dora, bottleneck and bitfit, at 3e-2 by ia3, prefix and prompt.",
      "Example: outpost tune --package package --corpus private/ --out adapter",
      "Example: outpost tune --package package --corpus private/ --out adapter --method dora --rank 8"
    })
final class TuneCommand extends Command {
  @Mixin DataOptions data;
  @Mixin PeftOptions peft;
  @Mixin TrainingOptions training;
  @Mixin EventOptions events;
  @Mixin PrivacyOptions privacy;
  @Mixin SealOptions seal;

  @Option(
      names = "--images",
      paramLabel = "DIR",
      description =
          "Of a classifier of images, instead of --corpus and --data: pictures in one folder per class.")
  Path images;

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

  @Mixin DeviceOptions device;

  TuneCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  Optional<DeviceOptions> device() {
    return Optional.of(device);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    PeftMethod method = peft.method();
    TrainingPlan plan = training.plan(200, 4, peft.learningRate(), seed);
    OutputFolder folder = OutputFolder.of(out, OutputFolder.Kind.ADAPTER, pack);
    boolean hidden = privacy.given();
    seal.check(pack);
    try (OffsitePackage p = OffsitePackage.open(pack)) {
      // Told before the method's reasons: a text that the model cannot read.
      Optional<Tokenizer> tokenizer =
          images == null ? Optional.of(ModelOptions.tokenizer(pack, p.model())) : Optional.empty();
      AdapterTuning tuning = tuning(p, method);
      TransformerModel model = tuning.model();
      Private own =
          tokenizer.isPresent()
              ? text(console, tokenizer.get(), model.spec().context(), folder)
              : pictures(p);
      console.note(
          String.format(
              Locale.ROOT,
              "tuning %,d of %,d parameters on %s",
              model.count(true),
              model.count(false),
              own.what()));
      PrivacyOptions.Plan dp = hidden ? privacy.plan(plan, own.train(), folder.state()) : null;
      if (dp != null) console.note(PrivacyOptions.words(dp));
      Trainer trainer =
          tuning.trainer(own.train(), own.validation(), plan, kernels, dp == null ? null : dp.dp());
      Map<String, String> identity =
          Map.of("package_sha256", p.sha256(), "method", method.describe());
      Trainer.Result result;
      try (EventOptions.Events told = events.open(console)) {
        result = trainer.run(folder.state(), identity, told.beside(bar(console, "tune")));
      }
      if (!result.finished()) {
        console.error(folder.stopped(result.steps()));
        return ExitCode.INTERRUPTED;
      }
      JsonObject provenance =
          JsonObject.create()
              .put("steps", result.steps())
              .put(images == null ? "train_blocks" : "train_images", own.train().count())
              .put("block", own.block())
              .put("batch", plan.batch() * plan.accumulation())
              .put("learning_rate", plan.learningRate())
              .put("seed", seed)
              .put("package_sha256", p.sha256());
      // A digest or a perplexity of private rows is told without noise: not beside a promise of it.
      if (dp == null)
        provenance
            .put("best_step", result.bestStep())
            .put(own.figure(), own.value(result.bestLoss()))
            .put("data_sha256", own.train().sha256());
      else
        provenance
            .put("privacy", dp.described())
            .put("data_commitment", dp.dp().secret().commitment(own.train().sha256()));
      tuning.artifact(provenance).write(out);
      seal.sign(console, out);
      // Privately tuned, the last step is kept; the loss of the best is for the screen alone.
      console.say(
          String.format(
              Locale.ROOT,
              "adapter written to %s; %s on held-back %s %.2f (best of step %d%s)",
              out,
              own.figure().replace('_', ' '),
              images == null ? "text" : "pictures",
              own.value(result.bestLoss()),
              result.bestStep(),
              dp == null ? "" : ", but the last is kept"));
      if (dp != null) console.say(PrivacyOptions.words(dp));
      console.emit(
          JsonObject.create()
              .put("event", "result")
              .put("adapter", out.toString())
              .put(own.figure(), own.value(result.bestLoss()))
              .put("epsilon", dp == null ? null : dp.spent().epsilon())
              .put("trainable_parameters", model.count(true))
              .put("peak_workspace_bytes", trainer.workspaceMeter().peakBytes()));
      return ExitCode.OK;
    }
  }

  /**
   * What is learned from.
   *
   * @param block positions of each
   * @param what told before training
   * @param figure name of what is measured on what is held back
   */
  private record Private(
      Examples train, @Nullable Examples validation, int block, String what, String figure) {
    Double value(double loss) {
      return figure.endsWith("perplexity") ? Math.exp(loss) : loss;
    }
  }

  private Private text(Console console, Tokenizer tokenizer, int context, OutputFolder folder)
      throws IOException {
    TrainingData rows =
        data.given()
            ? data.rows(tokenizer, context, training.validation, folder.state())
            : data.corpus
                .read(console)
                .split(training.validation)
                .rows(tokenizer, data.corpus.block(context));
    Blocks train = rows.train();
    return new Private(
        train,
        rows.validation(),
        train.length(),
        train.count() + " blocks of " + train.length() + " tokens",
        "emulator_perplexity");
  }

  private Private pictures(OffsitePackage p) throws IOException {
    BadInput.unless(
        !data.given() && data.corpus.path == null,
        "--images: takes the place of --corpus and --data; give one of them");
    Spec spec = p.model().spec();
    ImageFolder.Split parts =
        ImageFolder.of(images, ImageSettings.read(pack), spec, Labels.read(p.config(), spec))
            .split(training.validation);
    BadInput.unless(
        parts.validation() != null,
        "--validation: a share of " + training.validation + " holds no picture back");
    return new Private(
        parts.train(),
        parts.validation(),
        spec.context(),
        parts.train().count() + " pictures",
        "emulator_loss");
  }

  private AdapterTuning tuning(OffsitePackage p, PeftMethod method) {
    try {
      return AdapterTuning.of(p, method, seed);
    } catch (IllegalArgumentException e) {
      throw new BadInput("--method " + e.getMessage());
    }
  }
}
