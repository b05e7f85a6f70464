package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.offsite.emulator.Distil;
import dev.outpost.offsite.emulator.Draft;
import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.StoppedException;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.offsite.report.FiveNumbers;
import dev.outpost.offsite.tune.AdapterTuning;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.load.Companions;
import dev.outpost.transformer.load.ModelFactory;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.text.BytePairTrainer;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost demo}: the whole story on text that every JDK brings. */
@CommandLine.Command(
    name = "demo",
    description = {
      "Offsite-tuning from nothing to the five numbers, in under three minutes.",
      "An owner pre-trains a small GPT-2 on public Java sources and ships adapter and emulator; a data owner tunes the adapter on private text; the owner plugs it back in. "
          + "Each party works in its own folder with only its own files."
    })
final class DemoCommand extends Command {
  private static final String PUBLIC = "java.base/java/{util,lang,io,time,net,text,math}/**.java";
  private static final String PRIVATE = "java.sql{,.rowset}/**.java";
  private static final EmulatorRecipe RECIPE = EmulatorRecipe.parse("2-1-2").then(Distil.paper());
  private static final String SPLIT = "2-1-2";
  private static final int BLOCK = 128;
  private static final int BATCH = 6;
  // What the pre-training reads about once at effort 1; tokenizing more would only cost time.
  private static final long PUBLIC_CHARACTERS = 3_000_000;
  private static final long PRIVATE_CHARACTERS = 1_000_000;
  private static final long HELD_CHARACTERS = 80_000;

  @Option(
      names = "--corpus",
      paramLabel = "PATH",
      description =
          "A folder, file or zip of text instead of the JDK's lib/src.zip. Its last tenth of files plays the private domain, unless --private is given.")
  Path corpus;

  @Option(
      names = "--private",
      paramLabel = "PATH",
      description = "The data owner's private text, with --corpus as the public one.")
  Path privateCorpus;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Keep both parties' folders here. Default: a temporary folder, removed at the end.")
  Path out;

  @Option(
      names = "--effort",
      paramLabel = "X",
      description =
          "Factor on all step counts: 0.1 for a glance, 4 for better models. Default: ${DEFAULT-VALUE}.")
  double effort = 1;

  @Mixin DeviceOptions device;

  DemoCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  Optional<DeviceOptions> device() {
    return Optional.of(device);
  }

  private record Texts(Corpus shared, Corpus secret) {}

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    if (!(effort > 0 && effort <= 1000))
      throw new BadInput("--effort: must be above 0 and at most 1000, got " + effort);
    long start = System.nanoTime();
    Path home = out != null ? out : Files.createTempDirectory("outpost-demo-");
    try {
      Story story = new Story(console, kernels);
      return story.tell(home, story.texts(), start);
    } finally {
      if (out == null) delete(home);
    }
  }

  /** One run, told on a console. */
  private final class Story {
    private final Console console;
    private final Kernels kernels;

    Story(Console console, Kernels kernels) {
      this.console = console;
      this.kernels = kernels;
    }

    private int tell(Path home, Texts texts, long start) throws Exception {
      Path owner = home.resolve("owner");
      Path dataOwner = home.resolve("data-owner");
      Corpus.Split parts = texts.secret().split(0.15);
      Corpus.Split secret =
          new Corpus.Split(
              parts.train().sample(PRIVATE_CHARACTERS, seed),
              parts.validation().sample(HELD_CHARACTERS, seed));

      title("OWNER", "has a model and will not give it away");
      Path model = owner.resolve("model");
      if (!pretrain(texts.shared(), model)) return interrupted();
      Path sent = owner.resolve("package");
      if (!emulate(model, texts.shared(), sent)) return interrupted();

      boundary("adapter + emulator", "──▶");
      Path received = dataOwner.resolve("package");
      copy(sent, received);

      title("DATA OWNER", "has text and will not show it");
      note(
          "private text: %s, %,d characters; only %s is here of the model",
          texts.secret().name(), secret.train().characters(), SPLIT + " of its 8 blocks");
      Path tuned = dataOwner.resolve("adapter");
      double[] emulator = tune(received, secret, tuned);
      if (stopRequested()) return interrupted();

      boundary("tuned adapter", "◀──");
      Path returned = owner.resolve("adapter");
      copy(tuned, returned);

      title("OWNER", "plugs the adapter into the full model");
      FiveNumbers numbers = plugIn(model, returned, secret, emulator);
      if (stopRequested()) return interrupted();

      double seconds = (System.nanoTime() - start) / 1e9;
      console.say("");
      console.say(
          "The five numbers: perplexity on the data owner's held-back text (lower is better)");
      console.say("");
      numbers.table().forEach(console::say);
      console.say("");
      console.say(
          String.format(
              Locale.ROOT,
              "  %s, on %d threads, kernels %s%s",
              TrainingBar.time(seconds),
              threads,
              kernels.name(),
              out == null ? "" : "; both parties' folders are in " + out));
      console.emit(
          numbers
              .toJson()
              .put("event", "result")
              .put("seconds", seconds)
              .put("in_order", numbers.inOrder())
              .put("share_of_fine_tuning", numbers.shareOfFineTuning()));
      return ExitCode.OK;
    }

    private int interrupted() {
      console.note("stopped");
      return ExitCode.INTERRUPTED;
    }

    private Texts texts() throws IOException {
      if (corpus == null && privateCorpus != null)
        throw new BadInput("--private: needs --corpus, the public text, too");
      if (privateCorpus != null)
        return new Texts(Corpus.read(corpus, "**"), Corpus.read(privateCorpus, "**"));
      if (corpus != null) return lastTenth(Corpus.read(corpus, "**"));
      Path zip = Path.of(System.getProperty("java.home"), "lib", "src.zip");
      if (!Files.isRegularFile(zip))
        throw new BadInput(
            zip
                + ": this JDK comes without its sources; give any folder of text with --corpus DIR, or install the sources (Debian: openjdk-25-source)");
      note("reading %s", zip);
      Corpus shared = Corpus.read(zip, PUBLIC).withoutLicences().sample(PUBLIC_CHARACTERS, seed);
      Corpus secret = Corpus.read(zip, PRIVATE).withoutLicences();
      return new Texts(
          new Corpus("java.base (util, lang, io, time, net, text, math)", shared.documents()),
          new Corpus("java.sql and java.sql.rowset", secret.documents()));
    }

    private static Texts lastTenth(Corpus all) {
      if (all.documents().size() < 10) {
        Corpus.Split s = all.split(0.2);
        return new Texts(s.train(), s.validation());
      }
      int cut = all.documents().size() * 9 / 10;
      return new Texts(
          new Corpus(all.name(), all.documents().subList(0, cut)),
          new Corpus(
              all.name() + " (last tenth)", all.documents().subList(cut, all.documents().size())));
    }

    private int steps(int base) {
      return Math.max(2, (int) Math.round(base * effort));
    }

    private boolean pretrain(Corpus text, Path folder) throws IOException {
      note("learning a vocabulary from %s, %,d characters", text.name(), text.characters());
      Tokenizer tokenizer =
          BytePairTrainer.of(2048).train(text.sample(2_000_000, seed).documents());
      Spec spec =
          Gpt2.spec(
              tokenizer.vocabularySize(), BLOCK, 128, 8, 4, 512, UnaryMap.GELU_TANH, 1e-5f, true);
      TransformerModel model = ModelFactory.random(spec, seed).trainable(name -> true);
      note("pre-training a GPT-2 of %d blocks, %,d parameters", spec.layers(), model.count(false));
      TrainingPlan plan = TrainingPlan.of(steps(550), BATCH, 3e-3f, seed).withWeightDecay(0.1f);
      new Trainer(
              model, Objective.languageModel(), text.blocks(tokenizer, BLOCK), null, plan, kernels)
          .run(bar(console, "pre-train"));
      TokenizerFiles.save(tokenizer, folder);
      ModelFolder.write(
          folder, model, new Gpt2().write(spec, tokenizer.endOfText().orElse(0)), null);
      return !stopRequested();
    }

    private boolean emulate(Path from, Corpus text, Path to) throws IOException {
      try (ModelFolder folder = ModelFolder.open(from)) {
        TransformerModel full = folder.model();
        Tokenizer tokenizer = TokenizerFiles.load(from);
        note("emulator %s: keeps 1 of the 4 middle blocks, distilled on the public text", SPLIT);
        TrainingPlan plan = TrainingPlan.of(steps(60), BATCH, 1e-3f, seed + 1);
        Workshop shop =
            new Workshop(
                kernels, text.blocks(tokenizer, BLOCK), null, plan, null, run -> bar(console, run));
        Draft made = RECIPE.make(full, shop);
        TransformerModel emulated = made.model();
        Companions.copy(from, to);
        OffsitePackage.write(
            to,
            emulated,
            made.split().adapterSlots(),
            BaseFingerprint.of(full),
            folder.config(),
            RECIPE.describe().put("seed", plan.seed()).put("training_steps", plan.steps()),
            null);
        note(
            "package: %,d of %,d parameters, nothing of the dropped blocks",
            emulated.count(false), full.count(false));
      } catch (StoppedException e) {
        return false;
      }
      return !stopRequested();
    }

    /** Tunes with what the data owner has; returns the emulator's perplexity before and after. */
    private double[] tune(Path pack, Corpus.Split text, Path to) throws Exception {
      try (OffsitePackage p = OffsitePackage.open(pack)) {
        Tokenizer tokenizer = TokenizerFiles.load(pack);
        Blocks held = text.validation().blocks(tokenizer, BLOCK);
        double before = perplexity(p.model(), held);
        AdapterTuning tuning = AdapterTuning.of(p, LoraConfig.of(8), seed);
        tuning
            .trainer(text.train().blocks(tokenizer, BLOCK), held, tuningPlan(6e-3f), kernels)
            .run(bar(console, "tune"));
        double after = perplexity(tuning.model(), held);
        tuning
            .artifact(JsonObject.create().put("seed", seed).put("emulator_perplexity", after))
            .write(to);
        return new double[] {before, after};
      }
    }

    private TrainingPlan tuningPlan(float learningRate) {
      return TrainingPlan.of(steps(120), BATCH, learningRate, seed + 2).evaluatingEvery(steps(40));
    }

    private FiveNumbers plugIn(Path model, Path adapter, Corpus.Split text, double[] emulator)
        throws IOException, PlugIn.RefusedException {
      try (ModelFolder folder = ModelFolder.open(model)) {
        TransformerModel full = folder.model();
        Tokenizer tokenizer = TokenizerFiles.load(model);
        Blocks held = text.validation().blocks(tokenizer, BLOCK);
        TransformerModel plugged =
            PlugIn.apply(full, BaseFingerprint.of(full), AdapterArtifact.read(adapter));
        double zeroShot = perplexity(full, held);
        double pluggedIn = perplexity(plugged, held);
        note("for comparison only, model and data in one place: fine-tuning every block");
        TransformerModel all = full.trainable(name -> name.startsWith("blocks."));
        new Trainer(
                all,
                Objective.languageModel(),
                text.train().blocks(tokenizer, BLOCK),
                held,
                tuningPlan(1e-3f),
                kernels)
            .run(bar(console, "fine-tune"));
        return new FiveNumbers(
            zeroShot, emulator[0], emulator[1], pluggedIn, perplexity(all, held));
      }
    }

    private double perplexity(TransformerModel model, Blocks held) {
      return Perplexity.of(model, kernels, kernels.memory().workspace(), held, 12).value();
    }

    private void title(String party, String what) {
      console.say("");
      console.say(party + " " + what);
    }

    private void boundary(String what, String arrow) {
      console.say("");
      console.say("  ┄┄┄┄┄┄┄┄┄┄┄┄┄┄ " + arrow + "  " + what + "  " + arrow + " ┄┄┄┄┄┄┄┄┄┄┄┄┄┄");
    }

    private void note(String format, Object... args) {
      console.say("  " + String.format(Locale.ROOT, format, args));
    }

    /** Carries files across the boundary: plain files of one folder, nothing else. */
    private static void copy(Path from, Path to) throws IOException {
      Files.createDirectories(to);
      try (var files = Files.list(from)) {
        for (Path f : files.filter(Files::isRegularFile).toList())
          Files.copy(
              f, to.resolve(f.getFileName()), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    List<Path> all = new ArrayList<>();
    try (var walk = Files.walk(folder)) {
      walk.forEach(all::add);
    }
    for (Path p : all.reversed()) Files.deleteIfExists(p);
  }
}
