package dev.outpost.offsite.app;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.train.Blocks;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost evaluate}: perplexity of a model on text, or its figures on a benchmark. */
@CommandLine.Command(
    name = "evaluate",
    description =
        "Measure a full model or a package, with or without an adapter: perplexity in fixed blocks of text, or a benchmark.",
    footer = {
      "",
      "Example: outpost evaluate --model model --task piqa --data piqa-validation.jsonl",
      "Example: outpost evaluate --package package --adapter adapter --corpus private/"
    })
final class EvaluateCommand extends Command {
  @Mixin ModelOptions model;
  @Mixin CorpusOptions corpus;
  @Mixin TaskOptions task;

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "Blocks at a time. Default: ${DEFAULT-VALUE}.")
  int batch = 4;

  @Option(
      names = "--held-back",
      paramLabel = "SHARE",
      description =
          "Measure only the share of the text that tune holds back with --validation SHARE.")
  Double heldBack;

  EvaluateCommand(Interruption interruption) {
    super(interruption);
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
    try (ModelOptions.Open open = model.open(kernels)) {
      if (benchmark) {
        task.run(open, kernels, console);
        return ExitCode.OK;
      }
      Corpus text = corpus.read(console);
      if (heldBack != null) text = text.split(heldBack).validation();
      Blocks blocks = text.blocks(open.tokenizer(), corpus.block(open.model().spec().context()));
      Perplexity p = Perplexity.of(open.model(), kernels, new Workspace(), blocks, batch);
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
