package dev.outpost.offsite.compare;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.LayerRanking;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.offsite.emulator.Draft;
import dev.outpost.offsite.emulator.StoppedException;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.offsite.tune.AdapterTuning;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.data.TrainingData;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import dev.outpost.transformer.train.Evenly;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Everything that is computed on one model: the owner's side, the data owner's, and the bound. */
final class ModelCells implements AutoCloseable {
  private static final int VERSION = 1;

  private final ComparePlan plan;
  private final ComparePlan.Model model;
  private final Path work;
  private final Texts texts;
  private final Kernels kernels;
  private final Watch watch;
  private final ModelFolder files;
  private final TransformerModel full;
  private final BaseFingerprint base;
  private final Tokenizer tokenizer;
  private final Map<String, TaskData> tasks = new LinkedHashMap<>();
  private final Map<String, Figure> emulators = new HashMap<>();
  private @Nullable TrainingData shared;

  private ModelCells(
      ComparePlan plan,
      ComparePlan.Model model,
      Path work,
      Texts texts,
      Kernels kernels,
      Watch watch,
      ModelFolder files)
      throws IOException {
    this.plan = plan;
    this.model = model;
    this.work = work;
    this.texts = texts;
    this.kernels = kernels;
    this.watch = watch;
    this.files = files;
    this.full = files.model();
    this.base = BaseFingerprint.of(full);
    this.tokenizer = TokenizerFiles.load(model.path());
    for (ComparePlan.Task t : plan.tasks())
      tasks.put(
          t.name(),
          TaskData.of(t, texts, tokenizer, kernels, work.resolve("data-" + tasks.size())));
  }

  /** Opens the model and reads the tasks' data. */
  static ModelCells open(
      ComparePlan plan,
      ComparePlan.Model model,
      Path work,
      Texts texts,
      Kernels kernels,
      Watch watch)
      throws IOException {
    ModelFolder files = ModelFolder.open(model.path());
    try {
      return new ModelCells(plan, model, work, texts, kernels, watch, files);
    } catch (IOException | RuntimeException e) {
      files.close();
      throw e;
    }
  }

  /** Computes or finds a cell's line. */
  interface Desk {
    Optional<JsonObject> line(Cell cell) throws IOException, StoppedException;
  }

  /** All cells, seed after seed so that the first seed's table is there early. */
  void run(Desk desk) throws IOException, StoppedException {
    for (Path ranking :
        plan.recipes().stream().flatMap(r -> r.ranking().stream()).distinct().toList())
      desk.line(ranking(ranking));
    Map<String, JsonObject> zeroShots = new HashMap<>();
    for (ComparePlan.Task t : plan.tasks())
      desk.line(zeroShot(t)).ifPresent(line -> zeroShots.put(t.name(), line));
    Map<String, Boolean> made = new HashMap<>();
    for (long seed : plan.seeds()) {
      Map<String, JsonObject> tuned = new HashMap<>();
      for (ComparePlan.Task t : plan.tasks())
        desk.line(fineTuning(t, seed)).ifPresent(line -> tuned.put(t.name(), line));
      for (ComparePlan.Recipe r : plan.recipes()) {
        Cell emulator = emulator(r, seed);
        // An emulator that does not depend on the seed is told once.
        if (r.seeded() || !made.containsKey(r.name()))
          made.put(r.name(), desk.line(emulator).isPresent());
        for (ComparePlan.Task t : plan.tasks())
          for (ComparePlan.Method m : plan.methods())
            desk.line(
                cell(
                    r,
                    emulator,
                    made.getOrDefault(r.name(), false),
                    t,
                    m,
                    seed,
                    zeroShots.get(t.name()),
                    tuned.get(t.name())));
      }
    }
  }

  private Map<String, Object> names(Object... pairs) {
    Map<String, Object> names = new LinkedHashMap<>();
    names.put("model", model.name());
    for (int i = 0; i < pairs.length; i += 2) names.put((String) pairs[i], pairs[i + 1]);
    return names;
  }

  private JsonObject identity(String kind) {
    return JsonObject.create().put("version", VERSION).put("kind", kind).put("base", base.sha256());
  }

  private TaskData data(ComparePlan.Task task) {
    TaskData data = tasks.get(task.name());
    if (data == null) throw new IllegalStateException("every task's data is read at the beginning");
    return data;
  }

  /** What the ranking that recipes read says, for the page. */
  private Cell ranking(Path folder) throws IOException {
    return new Cell(
        "ranking",
        model.name() + ": ranking",
        names("ranking", String.valueOf(folder.getFileName())),
        identity("ranking").put("file", Files.readString(folder.resolve(LayerRanking.FILE))),
        (state, line) -> {
          LayerRanking read = LayerRanking.read(folder);
          line.put("group", read.group())
              .put("scores", read.scores())
              .put("importance", read.importance());
          return 0;
        });
  }

  private Cell zeroShot(ComparePlan.Task t) {
    TaskData data = data(t);
    return new Cell(
        "full zero-shot",
        model.name() + ", " + t.name() + ": full model",
        names("task", t.name()),
        identity("full zero-shot").put("task", data.identity()),
        (state, line) -> {
          line.put("metric", data.metric())
              .put("figure", data.measure().of(full).toJson())
              .put("parameters", full.count(false));
          return 0;
        });
  }

  private Cell fineTuning(ComparePlan.Task t, long seed) {
    TaskData data = data(t);
    return new Cell(
        "full fine-tuned",
        model.name() + ", " + t.name() + ", seed " + seed + ": full fine-tuning",
        names("task", t.name(), "seed", seed),
        identity("full fine-tuned")
            .put("task", data.identity())
            .put("training", t.fineTune().describe())
            .put("seed", seed),
        (state, line) -> {
          TransformerModel all = full.trainable(name -> name.startsWith("blocks."));
          Curve curve = Curve.in(state, "tune", watch.training("full FT"));
          Trainer trainer =
              new Trainer(
                  all,
                  Objective.languageModel(),
                  data.train(),
                  data.validation(),
                  t.fineTune().plan(seed),
                  kernels);
          train(trainer, state, curve, line, all);
          line.put("metric", data.metric()).put("figure", data.measure().of(all).toJson());
          return curve.earlierSeconds();
        });
  }

  private static void train(
      Trainer trainer, Path state, Curve curve, JsonObject line, TransformerModel model)
      throws IOException, StoppedException {
    Trainer.Result result = trainer.run(state, Map.of(), curve);
    if (!result.finished()) throw new StoppedException("tune", result.steps());
    line.put("best_step", result.bestStep())
        .put("trained_parameters", model.count(true))
        .put("peak_workspace_bytes", curve.peakBytes())
        .put("curve", curve.toJson());
  }

  private JsonObject describe(ComparePlan.Recipe r) throws IOException {
    JsonObject d = r.recipe().describe();
    if (r.ranking().isPresent())
      d.put("ranking_file", Files.readString(r.ranking().get().resolve(LayerRanking.FILE)));
    return d;
  }

  private Cell emulator(ComparePlan.Recipe r, long seed) throws IOException {
    long own = r.seeded() ? seed : plan.seeds().getFirst();
    JsonObject identity = identity("emulator").put("recipe", describe(r)).put("seed", own);
    if (r.recipe().needsText()) {
      TrainingData text = shared();
      identity
          .put("public", text.train().extent() + " " + text.train().sha256())
          .put("public_validation", measured(text).extent() + " " + text.validation().sha256())
          .put("training", plan.emulating().describe());
    }
    return new Cell(
        "emulator",
        model.name() + ", " + r.name() + (r.seeded() ? ", seed " + own : "") + ": emulator",
        names("recipe", r.name(), "seed", own),
        identity,
        (state, line) -> emulate(r, own, packageOf(identity), state, line));
  }

  private Path packageOf(JsonObject identity) {
    return work.resolve("emulator-" + Comparison.digest(identity));
  }

  private double emulate(ComparePlan.Recipe r, long seed, Path pack, Path state, JsonObject line)
      throws IOException, StoppedException {
    List<Curve> curves = new ArrayList<>();
    Map<String, Curve> named = new LinkedHashMap<>();
    TrainingPlan training = plan.emulating().plan(seed);
    Workshop shop =
        new Workshop(
            kernels,
            null,
            null,
            training,
            state,
            run -> {
              try {
                Curve c = Curve.in(state, run, watch.training(run));
                curves.add(c);
                named.put(run, c);
                return c;
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            });
    if (r.recipe().needsText()) {
      TrainingData text = shared();
      shop = shop.withText(text.train(), measured(text));
    }
    Draft made = r.recipe().make(full, shop);
    TransformerModel emulated = made.model();
    OffsitePackage.write(
        pack,
        emulated,
        made.split().adapterSlots(),
        base,
        files.config(),
        r.recipe().pinned().describe().put("seed", seed),
        null);
    JsonObject losses = JsonObject.create();
    named.forEach((run, c) -> losses.put(run, c.toJson()));
    line.put("parameters", emulated.count(false))
        .put("full_parameters", full.count(false))
        .put("middle_blocks", made.split().middle().size())
        .put(
            "retained_blocks",
            made.middle().stream().filter(s -> s.block() instanceof TransformerBlock).count())
        .put("peak_workspace_bytes", curves.stream().mapToLong(Curve::peakBytes).max().orElse(0))
        .put("curves", losses);
    return curves.stream().mapToDouble(Curve::earlierSeconds).sum();
  }

  private Cell cell(
      ComparePlan.Recipe r,
      Cell emulator,
      boolean emulated,
      ComparePlan.Task t,
      ComparePlan.Method m,
      long seed,
      @Nullable JsonObject zeroShot,
      @Nullable JsonObject fineTuned) {
    TaskData data = data(t);
    ComparePlan.Training training = m.over(t.tune());
    JsonObject identity =
        identity("cell")
            .put("emulator", emulator.identity())
            .put("task", data.identity())
            .put("fine_tuning", t.fineTune().describe())
            .put("method", m.method().describe())
            .put("training", training.describe())
            .put("seed", seed);
    return new Cell(
        "cell",
        model.name() + ", " + t.name() + ", " + r.name() + ", " + m.name() + ", seed " + seed,
        names("recipe", r.name(), "method", m.name(), "task", t.name(), "seed", seed),
        identity,
        (state, line) -> {
          if (zeroShot == null || fineTuned == null)
            throw new IllegalStateException(
                "the full model could not be measured or fine-tuned on this task; see there");
          if (!emulated)
            throw new IllegalStateException("the emulator could not be made; see there");
          Path pack = packageOf(emulator.identity());
          JsonObject made = JsonObject.create();
          if (!Files.exists(pack.resolve("manifest.json")))
            emulator.make(work.resolve(Comparison.digest(emulator.identity())), made);
          line.put("metric", data.metric()).put("full_zero_shot", zeroShot.object("figure"));
          double earlier = tune(pack, m, training, seed, data, state, line);
          line.put("full_fine_tuned", fineTuned.object("figure"));
          return earlier;
        });
  }

  /** The data owner's work and the plug-in. */
  private double tune(
      Path folder,
      ComparePlan.Method m,
      ComparePlan.Training training,
      long seed,
      TaskData data,
      Path state,
      JsonObject line)
      throws IOException, StoppedException, PlugIn.RefusedException {
    try (OffsitePackage pack = OffsitePackage.open(folder)) {
      String measured = folder + " " + data.identity();
      Figure untouched = emulators.get(measured);
      if (untouched == null) untouched = data.measure().of(pack.model());
      emulators.put(measured, untouched);
      AdapterTuning tuning = AdapterTuning.of(pack, m.method(), seed);
      Curve curve = Curve.in(state, "tune", watch.training("tune"));
      Trainer trainer =
          tuning.trainer(data.train(), data.validation(), training.plan(seed), kernels);
      train(trainer, state, curve, line, tuning.model());
      AdapterArtifact artifact = tuning.artifact(JsonObject.create().put("seed", seed));
      TransformerModel plugged = PlugIn.apply(full, base, artifact);
      line.put("emulator_zero_shot", untouched.toJson())
          .put("emulator_tuned", data.measure().of(tuning.model()).toJson())
          .put("plug_in", data.measure().of(plugged).toJson())
          .put("emulator_parameters", pack.model().count(false))
          .put("full_parameters", full.count(false))
          .put(
              "retained_blocks",
              pack.model().slots().stream()
                  .filter(s -> s.block() instanceof TransformerBlock)
                  .filter(s -> !pack.adapterSlots().contains(s.name()))
                  .count())
          .put("middle_blocks", full.slots().size() - pack.adapterSlots().size());
      return curve.earlierSeconds();
    }
  }

  /** The public text; read when a recipe needs it. */
  private TrainingData shared() throws IOException {
    ComparePlan.Text text = plan.publicText();
    if (text == null)
      throw new IllegalStateException("a plan with steps that learn has a public text");
    if (shared == null) shared = texts.rows(text, tokenizer);
    return shared;
  }

  private dev.outpost.transformer.train.Examples measured(TrainingData text) {
    ComparePlan.Text from = plan.publicText();
    return Evenly.of(text.validation(), from == null ? 0 : from.measured());
  }

  @Override
  public void close() throws IOException {
    files.close();
  }
}
