package dev.outpost.offsite.app;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.data.TrainingData;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.load.ModelFactory;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.text.BytePairTrainer;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost pretrain}: a GPT-2 from nothing but text, with a vocabulary of its own. */
@CommandLine.Command(
    name = "pretrain",
    description = {
      "Owner: train a GPT-2 and its tokenizer from text.",
      "Writes a Hugging Face folder; the state of a run is kept beside it, in DIR.training. Run the same command again to resume."
    },
    footer = {
      "",
      "Without --steps, --batch and --lr: 1000 steps of 8 blocks at 1e-3.",
      "Example: outpost pretrain --corpus public/ --include **.txt --out owner/model"
    })
final class PretrainCommand extends Command {
  /** Characters that a vocabulary is made from. */
  private static final long TOKENIZER_TEXT = 8_000_000;

  @Mixin DataOptions data;
  @Mixin TrainingOptions training;
  @Mixin EventOptions events;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for the model.")
  Path out;

  @Option(names = "--layers", paramLabel = "N", description = "Blocks. Default: ${DEFAULT-VALUE}.")
  int layers = 8;

  @Option(
      names = "--width",
      paramLabel = "N",
      description = "Width of the model. Default: ${DEFAULT-VALUE}.")
  int width = 192;

  @Option(
      names = "--heads",
      paramLabel = "N",
      description = "Attention heads; must divide the width. Default: ${DEFAULT-VALUE}.")
  int heads = 6;

  @Option(
      names = "--context",
      paramLabel = "N",
      description = "Longest sequence in tokens. Default: ${DEFAULT-VALUE}.")
  int context = 256;

  @Option(
      names = "--vocab",
      paramLabel = "N",
      description = "Tokens of the new vocabulary. Default: ${DEFAULT-VALUE}.")
  int vocabulary = 4096;

  @Option(
      names = "--tokenizer",
      paramLabel = "DIR",
      description = "Use the tokenizer of this model folder instead of training one.")
  Path tokenizerFolder;

  @Mixin DeviceOptions device;

  PretrainCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  Optional<DeviceOptions> device() {
    return Optional.of(device);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    BadInput.unless(layers >= 1, "--layers: must be at least 1, got " + layers);
    BadInput.unless(heads >= 1, "--heads: must be at least 1, got " + heads);
    BadInput.unless(
        width >= 1 && width % heads == 0,
        "--width: must be a positive multiple of the " + heads + " --heads, got " + width);
    BadInput.unless(context >= 2, "--context: must be at least 2, got " + context);
    BadInput.unless(
        vocabulary >= 257,
        "--vocab: must be at least 257 (256 bytes and end-of-text), got " + vocabulary);
    TrainingPlan plan = training.plan(1000, 8, 1e-3f, seed);
    OutputFolder folder =
        OutputFolder.of(
            out,
            OutputFolder.Kind.MODEL,
            tokenizerFolder == null ? new Path[0] : new Path[] {tokenizerFolder});
    if (OutputFolder.Kind.of(out) == OutputFolder.Kind.MODEL && !Files.isDirectory(folder.state()))
      throw new BadInput(
          "--out: "
              + out
              + " holds a model already, and no state of this command is beside it; choose another folder");
    boolean given = data.given();
    Corpus text = given ? new Corpus("", List.of()) : data.corpus.read(console);
    Corpus.Split parts = text.split(training.validation);
    Tokenizer tokenizer =
        tokenizerFolder != null
            ? TokenizerFiles.load(tokenizerFolder)
            : trainTokenizer(
                console,
                given
                    ? data.sample(TOKENIZER_TEXT)
                    : parts.train().sample(TOKENIZER_TEXT, seed).documents());
    Spec spec;
    try {
      spec =
          Gpt2.spec(
              tokenizer.vocabularySize(),
              context,
              width,
              layers,
              heads,
              4 * width,
              UnaryMap.GELU_TANH,
              1e-5f,
              true);
    } catch (IllegalArgumentException e) {
      throw new BadInput(e.getMessage());
    }
    TransformerModel model = ModelFactory.random(spec, seed).trainable(name -> true);
    TrainingData rows =
        given
            ? data.rows(tokenizer, context, training.validation, folder.state())
            : parts.rows(tokenizer, data.corpus.block(context));
    console.note(
        String.format(
            java.util.Locale.ROOT,
            "pretraining %,d parameters on %d blocks of %d tokens of %s",
            model.count(false),
            rows.train().count(),
            rows.train().length(),
            given ? data.data : text.name()));
    Trainer trainer =
        new Trainer(
            model, Objective.languageModel(), rows.train(), rows.validation(), plan, kernels);
    Map<String, String> identity = Map.of("spec", spec.toString());
    Trainer.Result result;
    try (EventOptions.Events told = events.open(console)) {
      result = trainer.run(folder.state(), identity, told.beside(bar(console, "pretrain")));
    }
    if (!result.finished()) {
      console.error(folder.stopped(result.steps()));
      return ExitCode.INTERRUPTED;
    }
    TokenizerFiles.save(tokenizer, out);
    ModelFolder.write(out, model, new Gpt2().write(spec, tokenizer.endOfText().orElse(0)), null);
    console.say(
        String.format(
            java.util.Locale.ROOT,
            "model written to %s; validation perplexity %.2f at step %d",
            out,
            Math.exp(result.bestLoss()),
            result.bestStep()));
    console.emit(
        JsonObject.create()
            .put("event", "result")
            .put("model", out.toString())
            .put("perplexity", Math.exp(result.bestLoss()))
            .put("best_step", result.bestStep())
            .put("parameters", model.count(false)));
    return ExitCode.OK;
  }

  private Tokenizer trainTokenizer(Console console, List<String> documents) {
    console.note("training a vocabulary of " + vocabulary + " tokens");
    try {
      return BytePairTrainer.of(vocabulary).train(documents);
    } catch (IllegalArgumentException e) {
      throw new BadInput("--vocab: " + e.getMessage());
    }
  }
}
