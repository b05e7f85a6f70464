package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.emulator.Distillation;
import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.Companions;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost emulate}: from the full model to what may leave the house. */
@CommandLine.Command(
    name = "emulate",
    description = {
      "Owner: make a package of adapter and lossy emulator.",
      "Keeps some middle blocks (uniform layer drop) and, given public text with --corpus, distils the full middle into them. The dropped blocks stay with the owner. The state of a distillation is kept beside the package, in DIR.training; run the same command again to resume."
    },
    footer = {
      "",
      "Without --steps, --batch and --lr: 200 steps of 4 blocks at 1e-4.",
      "Example: outpost emulate --model owner/model --split 2-2-2",
      "           --corpus public/ --out package"
    })
final class EmulateCommand extends Command {
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
      description = "Folder for the package.")
  Path out;

  @Option(
      names = "--split",
      required = true,
      paramLabel = "B-E-T",
      description = "Blocks of bottom adapter, emulator and top adapter, such as 2-8-2.")
  String split;

  @Option(
      names = "--lm-weight",
      paramLabel = "X",
      description = "Weight of the language-model loss in distillation. Default: ${DEFAULT-VALUE}.")
  float lmWeight = Distillation.PAPER_LM_WEIGHT;

  @Option(
      names = "--kd-weight",
      paramLabel = "X",
      description = "Weight of the hidden-state loss in distillation. Default: ${DEFAULT-VALUE}.")
  float kdWeight = Distillation.PAPER_KD_WEIGHT;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      converter = PlainType.class,
      completionCandidates = PlainType.class,
      description =
          "Store the package as ${COMPLETION-CANDIDATES}. Default: as the model, distilled blocks and GGUF's block types in F32.")
  DType dtype;

  EmulateCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    EmulatorRecipe recipe = recipe();
    model = ModelOptions.located(model);
    OutputFolder output = OutputFolder.of(out, OutputFolder.Kind.PACKAGE, model);
    BadInput.unless(
        corpus.path != null || !training.given(),
        "--corpus: is missing; only distillation has steps and a learning rate, and it needs public text");
    BadInput.unless(
        lmWeight >= 0
            && kdWeight >= 0
            && lmWeight + kdWeight > 0
            && Float.isFinite(lmWeight + kdWeight),
        "--lm-weight, --kd-weight: must be 0 or more, finite, and not both 0; got "
            + lmWeight
            + " and "
            + kdWeight);
    try (ModelFolder folder = ModelFolder.open(model)) {
      folder.report().notes().forEach(console::note);
      TransformerModel full = folder.model();
      Tokenizer tokenizer = ModelOptions.tokenizer(model, full);
      TransformerModel emulated = dropped(recipe, full);
      JsonObject described = recipe.describe().put("seed", seed);
      if (corpus.path != null) {
        TrainingPlan plan = training.plan(200, 4, 1e-4f, seed);
        Corpus.Split parts = corpus.read(console).split(training.validation);
        int block = corpus.block(full.spec().context());
        EmulatorRecipe.Distilled distilled =
            recipe.distil(
                full,
                parts.train().blocks(tokenizer, block),
                parts.validation().blocks(tokenizer, block),
                plan,
                lmWeight,
                kdWeight,
                kernels,
                output.state(),
                bar(console, "distil"));
        if (!distilled.result().finished()) {
          console.error(output.stopped(distilled.result().steps()));
          return ExitCode.INTERRUPTED;
        }
        emulated = distilled.model();
        described = recipe.describeDistilled(plan, lmWeight, kdWeight).put("seed", seed);
      }
      console.note("fingerprinting the base");
      BaseFingerprint base = BaseFingerprint.of(full);
      PlainType.noteBlocks(console, emulated, dtype);
      Companions.copy(model, out);
      OffsitePackage.write(
          out,
          emulated,
          recipe.split(full).adapterSlots(),
          base,
          folder.config(),
          described,
          dtype);
      double share = 100.0 * emulated.count(false) / full.count(false);
      console.say(
          String.format(
              Locale.ROOT,
              "package written to %s: %s, %d of %d blocks, %,d of %,d parameters (%.0f %%), base %s…",
              out,
              recipe,
              emulated.slots().size(),
              full.slots().size(),
              emulated.count(false),
              full.count(false),
              share,
              base.brief()));
      console.emit(
          JsonObject.create()
              .put("event", "result")
              .put("package", out.toString())
              .put("split", recipe.toString())
              .put("slots", emulated.slots().stream().map(s -> s.name()).toList())
              .put("parameters", emulated.count(false))
              .put("full_parameters", full.count(false))
              .put("base_fingerprint", base.sha256()));
      return ExitCode.OK;
    }
  }

  private EmulatorRecipe recipe() {
    try {
      return EmulatorRecipe.parse(split);
    } catch (IllegalArgumentException e) {
      throw new BadInput("--" + e.getMessage());
    }
  }

  private static TransformerModel dropped(EmulatorRecipe recipe, TransformerModel full) {
    try {
      return recipe.drop(full);
    } catch (IllegalArgumentException e) {
      throw new BadInput("--" + e.getMessage());
    }
  }
}
