package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.emulator.CrashCut;
import dev.outpost.offsite.emulator.Distil;
import dev.outpost.offsite.emulator.Distillation;
import dev.outpost.offsite.emulator.Draft;
import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.EmulatorSteps;
import dev.outpost.offsite.emulator.ScaleOt;
import dev.outpost.offsite.emulator.StepSettings;
import dev.outpost.offsite.emulator.StepTraining;
import dev.outpost.offsite.emulator.StoppedException;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Labels;
import dev.outpost.transformer.image.ImageFolder;
import dev.outpost.transformer.image.ImageSettings;
import dev.outpost.transformer.layer.Head;
import dev.outpost.transformer.load.Companions;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost emulate}: from the full model to what may leave the house. */
@CommandLine.Command(
    name = "emulate",
    description = {
      "Owner: make a package of adapter and lossy emulator.",
      "--split 2-8-2 keeps 8 middle blocks between 2 and 2 adapter blocks (uniform layer drop) and, given public text with --corpus, distils the full middle into them. --split 2-2 with --step, or a --recipe, makes any other emulator; 'outpost inspect methods' lists the steps. What is dropped stays with the owner. The state of training steps is kept beside the package, in DIR.training; run the same command again to resume."
    },
    footer = {
      "",
      "Without --steps, --batch and --lr: 200 steps of 4 blocks at 1e-4.",
      "Example: outpost emulate --model owner/model --split 2-2-2",
      "           --corpus public/ --out package",
      "         outpost emulate --model owner/model --split 2-2 --step layer-drop:keep=4",
      "           --step distill:steps=500,lr=1e-4 --corpus public/ --out package"
    })
final class EmulateCommand extends Command {
  @Mixin CorpusOptions corpus;
  @Mixin TrainingOptions training;
  @Mixin SealOptions.Signing seal;

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
      paramLabel = "SPLIT",
      description =
          "Blocks of bottom adapter, emulator and top adapter, such as 2-8-2; only the adapters, such as 2-2, 0-4 or 4-0; or the adapter's blocks by index, such as 0,1,10,11. crash:12,4 finds them: of 12 clusters of like blocks one block each stays, 4 of these are the adapter (CRaSh; needs --corpus).")
  String split;

  @Option(
      names = "--step",
      paramLabel = "STEP",
      description =
          "A step that makes the emulator, as NAME or NAME:KEY=VALUE,KEY=VALUE; several are done in their order.")
  List<String> steps = List.of();

  @Option(
      names = "--recipe",
      paramLabel = "FILE",
      description =
          "Instead of --split and --step: a file of JSON with split and steps, as a package's manifest shows them.")
  Path recipeFile;

  @Option(
      names = "--images",
      paramLabel = "DIR",
      description =
          "Of a classifier of images, instead of --corpus: public pictures in one folder per class.")
  Path images;

  @Option(
      names = "--scaleot",
      paramLabel = "N,A,B",
      description =
          "Instead of --split: ScaleOT's triplet. N adapter blocks; of the others the share A, least important first, replaced by harmonizers; the attention matrices of the rest compressed with beta B. Needs --ranking. Default: none.")
  String triplet;

  @Option(
      names = "--ranking",
      paramLabel = "DIR",
      description = "For --scaleot: the folder that 'outpost rank' wrote. Default: none.")
  Path ranking;

  @Option(
      names = "--adapters",
      paramLabel = "WHERE",
      description =
          "For --scaleot: ${COMPLETION-CANDIDATES}; the blocks at both ends, or those of the highest scores. Default: ends.")
  ScaleOt.Where adapters;

  @Option(
      names = "--lm-weight",
      paramLabel = "X",
      description =
          "Weight of the language-model loss, where --corpus alone asks for distillation. Default: 1.")
  Float lmWeight;

  @Option(
      names = "--kd-weight",
      paramLabel = "X",
      description =
          "Weight of the hidden-state loss, where --corpus alone asks for distillation. Default: 30.")
  Float kdWeight;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      converter = PlainType.class,
      completionCandidates = PlainType.class,
      description =
          "Store the package as ${COMPLETION-CANDIDATES}. Default: as the model, distilled blocks in F32. Matrices in GGUF's block types, the model's or a step's, stay in them.")
  DType dtype;

  @Mixin DeviceOptions device;

  EmulateCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  Optional<DeviceOptions> device() {
    return Optional.of(device);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    Optional<CrashCut> cut = cut();
    Optional<EmulatorRecipe> told = cut.isEmpty() ? Optional.of(recipe()) : Optional.empty();
    seal.read();
    model = ModelOptions.located(model);
    OutputFolder output = OutputFolder.of(out, OutputFolder.Kind.PACKAGE, model);
    BadInput.unless(
        corpus.path == null || images == null,
        "--images: takes the place of --corpus; give one of them");
    BadInput.unless(
        given() || !training.given(),
        "--corpus: is missing; only steps that learn have steps and a learning rate, and they need public text");
    BadInput.unless(
        given() || cut.isEmpty(), "--corpus: is missing; --split " + split + " reads public text");
    told.ifPresent(r ->
        BadInput.unless(
            given() || !r.needsText(),
            "--corpus: is missing; " + r + " has a step that learns from public text"));
    try (ModelFolder folder = ModelFolder.open(model)) {
      folder.report().notes().forEach(console::note);
      TransformerModel full = folder.model();
      TrainingPlan plan = training.plan(200, 4, 1e-4f, seed);
      Workshop shop =
          new Workshop(kernels, null, null, plan, output.state(), run -> bar(console, run));
      shop = images == null ? withText(shop, console, full) : withPictures(shop, folder);
      Draft made;
      EmulatorRecipe recipe;
      try {
        recipe = told.isPresent() ? told.get() : found(cut.orElseThrow(), full, shop, console);
        made = recipe.make(full, shop);
      } catch (StoppedException e) {
        console.error(output.stopped(e.steps()));
        return ExitCode.INTERRUPTED;
      } catch (IllegalArgumentException e) {
        throw new BadInput("--" + e.getMessage());
      }
      TransformerModel emulated = made.model();
      JsonObject described =
          recipe
              .pinned()
              .describe()
              .put("seed", seed)
              .put("training_steps", plan.steps())
              .put("training_lr", plan.learningRate());
      if (shop.text() != null) described.put("data_sha256", shop.text().sha256());
      console.note("fingerprinting the base");
      BaseFingerprint base = BaseFingerprint.of(full);
      Companions.copy(model, out);
      OffsitePackage.write(
          out,
          emulated,
          made.split().tunable(full.spec()),
          base,
          folder.config(),
          described,
          dtype);
      seal.sign(console, out);
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

  private Workshop withText(Workshop shop, Console console, TransformerModel full)
      throws IOException {
    // A classifier may be thinned without any data.
    if (corpus.path == null && !Head.slots(full.spec()).isEmpty()) return shop;
    Tokenizer tokenizer = ModelOptions.tokenizer(model, full);
    if (corpus.path == null) return shop;
    Corpus.Split parts = corpus.read(console).split(training.validation);
    int block = corpus.block(full.spec().context());
    return shop.withText(
        parts.train().blocks(tokenizer, block), parts.validation().blocks(tokenizer, block));
  }

  private Workshop withPictures(Workshop shop, ModelFolder folder) throws IOException {
    Spec spec = folder.model().spec();
    ImageFolder.Split parts =
        ImageFolder.of(images, ImageSettings.read(model), spec, Labels.read(folder.config(), spec))
            .split(training.validation);
    return shop.withText(parts.train(), parts.validation());
  }

  private Optional<CrashCut> cut() {
    try {
      Optional<CrashCut> cut = split == null ? Optional.empty() : CrashCut.parse(split);
      BadInput.unless(
          cut.isEmpty() || (recipeFile == null && triplet == null && ranking == null),
          "--split " + split + ": says by itself what --recipe and --scaleot say; leave those out");
      BadInput.unless(
          cut.isEmpty() || (lmWeight == null && kdWeight == null),
          "--lm-weight, --kd-weight: CRaSh does not train; say --step distill:lm=1,kd=30 after it");
      return cut;
    } catch (IllegalArgumentException e) {
      throw new BadInput("--" + e.getMessage());
    }
  }

  private EmulatorRecipe found(
      CrashCut cut, TransformerModel full, Workshop shop, Console console) {
    EmulatorRecipe found =
        cut.recipe(full, Objects.requireNonNull(shop.text(), "read from --corpus"), shop.kernels());
    console.note(
        "crash: the adapter is " + found.split() + " of blocks 0 to " + (full.slots().size() - 1));
    return withSteps(found);
  }

  private EmulatorRecipe withSteps(EmulatorRecipe recipe) {
    EmulatorRecipe all = recipe;
    for (String step : steps) all = all.then(EmulatorSteps.read(StepSettings.parse(step)));
    return all;
  }

  private EmulatorRecipe recipe() throws IOException {
    if (recipeFile != null) {
      BadInput.unless(
          split == null
              && steps.isEmpty()
              && triplet == null
              && ranking == null
              && adapters == null,
          "--recipe: takes the place of --split, --scaleot and --step");
      BadInput.unless(
          lmWeight == null && kdWeight == null,
          "--recipe: its step distill says lm and kd; leave out --lm-weight and --kd-weight");
      return EmulatorRecipe.read(recipeFile);
    }
    BadInput.unless(
        split != null || triplet != null,
        "--split: is missing; say which blocks are the adapter, such as 2-8-2");
    BadInput.unless(split == null || triplet == null, "--scaleot: takes the place of --split");
    BadInput.unless(
        triplet == null || ranking != null,
        "--ranking: is missing; --scaleot needs the folder that outpost rank wrote");
    BadInput.unless(
        triplet != null || (ranking == null && adapters == null),
        "--ranking, --adapters: belong to --scaleot; give that too");
    try {
      EmulatorRecipe recipe =
          withSteps(
              triplet == null
                  ? EmulatorRecipe.parse(split)
                  : ScaleOt.parse(
                          triplet, ranking, adapters == null ? ScaleOt.Where.ENDS : adapters)
                      .recipe());
      boolean shorthand = steps.isEmpty() && triplet == null && given();
      BadInput.unless(
          shorthand || (lmWeight == null && kdWeight == null),
          "--lm-weight, --kd-weight: need --corpus without --step; else say --step distill:lm=1,kd=30");
      return shorthand ? recipe.then(distil()) : recipe;
    } catch (IllegalArgumentException e) {
      throw new BadInput("--" + e.getMessage());
    }
  }

  /** Whether there is something public to learn from. */
  private boolean given() {
    return corpus.path != null || images != null;
  }

  private Distil distil() {
    float lm = lmWeight == null ? Distillation.PAPER_LM_WEIGHT : lmWeight;
    float kd = kdWeight == null ? Distillation.PAPER_KD_WEIGHT : kdWeight;
    BadInput.unless(
        lm >= 0 && kd >= 0 && lm + kd > 0 && Float.isFinite(lm + kd),
        "--lm-weight, --kd-weight: must be 0 or more, finite, and not both 0; got "
            + lm
            + " and "
            + kd);
    return new Distil(lm, kd, StepTraining.OPEN);
  }
}
