package dev.outpost.offsite.app;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.family.Labels;
import dev.outpost.transformer.image.ImageFolder;
import dev.outpost.transformer.image.ImageSettings;
import dev.outpost.transformer.run.Accuracy;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.train.Blocks;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code outpost evaluate}: perplexity of a model on text, its figures on a benchmark, top-1 on
 * pictures.
 */
@CommandLine.Command(
    name = "evaluate",
    description =
        "Measure a full model or a package, with or without an adapter: perplexity in fixed blocks of text,"
            + " a benchmark, or how often a classifier of images is right.",
    footer = {
      "",
      "Example: outpost evaluate --model model --task piqa --data piqa-validation.jsonl",
      "Example: outpost evaluate --package package --adapter adapter --corpus private/",
      "Example: outpost evaluate --model vit --images pictures/"
    })
final class EvaluateCommand extends Command {
  @Mixin ModelOptions model;
  @Mixin CorpusOptions corpus;
  @Mixin TaskOptions task;

  @Option(
      names = "--images",
      paramLabel = "DIR",
      description = "Pictures in one folder per class, instead of --corpus.")
  Path images;

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "Blocks or pictures at a time. Default: ${DEFAULT-VALUE}.")
  int batch = 4;

  @Option(
      names = "--held-back",
      paramLabel = "SHARE",
      description =
          "Measure only the share of the text that tune holds back with --validation SHARE.")
  Double heldBack;

  @Mixin DeviceOptions device;

  EvaluateCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  Optional<DeviceOptions> device() {
    return Optional.of(device);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    if (batch < 1) throw new BadInput("--batch: must be at least 1, got " + batch);
    if (heldBack != null && !(heldBack > 0 && heldBack < 1))
      throw new BadInput("--held-back: must be between 0 and 1, got " + heldBack);
    boolean benchmark = task.given();
    BadInput.unless(
        !benchmark || (corpus.path == null && heldBack == null),
        "--task: takes the place of --corpus and --held-back; give one of them");
    BadInput.unless(
        images == null || (!benchmark && corpus.path == null && heldBack == null),
        "--images: takes the place of --corpus, --held-back and --task; give one of them");
    return images != null ? ofImages(console, kernels) : ofText(console, kernels, benchmark);
  }

  private int ofImages(Console console, Kernels kernels) throws Exception {
    try (ModelOptions.OfImages open = model.openOfImages(kernels)) {
      Spec spec = open.model().spec();
      ImageFolder folder =
          ImageFolder.of(
              images, ImageSettings.read(open.folder()), spec, Labels.read(open.config(), spec));
      Accuracy a = Accuracy.of(open.model(), kernels, kernels.memory().workspace(), folder, batch);
      console.say(
          String.format(
              Locale.ROOT,
              "top-1 %.2f %% ± %.2f  (%,d of %,d pictures)",
              100 * a.value(),
              100 * a.standardError(),
              a.right(),
              a.asked()));
      console.emit(
          JsonObject.create()
              .put("event", "result")
              .put("model", open.folder().toString())
              .put("top1", a.value())
              .put("standard_error", a.standardError())
              .put("right", a.right())
              .put("images", a.asked()));
      return ExitCode.OK;
    }
  }

  private int ofText(Console console, Kernels kernels, boolean benchmark) throws Exception {
    try (ModelOptions.Open open = model.open(kernels)) {
      if (benchmark) {
        task.run(open, kernels, console);
        return ExitCode.OK;
      }
      Corpus text = corpus.read(console);
      if (heldBack != null) text = text.split(heldBack).validation();
      Blocks blocks = text.blocks(open.tokenizer(), corpus.block(open.model().spec().context()));
      Perplexity p =
          Perplexity.of(open.model(), kernels, kernels.memory().workspace(), blocks, batch);
      console.say(
          String.format(
              Locale.ROOT,
              "perplexity %.4f  (mean loss %.5f ± %.5f nats over %,d tokens, %d blocks of %d)",
              p.value(),
              p.meanLoss(),
              p.standardError(),
              p.tokens(),
              blocks.count(),
              blocks.length()));
      console.emit(
          JsonObject.create()
              .put("event", "result")
              .put("model", open.name())
              .put("perplexity", p.value())
              .put("mean_loss", p.meanLoss())
              .put("standard_error", p.standardError())
              .put("tokens", p.tokens())
              .put("block", blocks.length()));
      return ExitCode.OK;
    }
  }
}
