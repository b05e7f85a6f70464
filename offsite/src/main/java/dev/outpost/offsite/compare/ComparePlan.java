package dev.outpost.offsite.compare;

import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.tune.MethodSettings;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is compared: every recipe on every model, tuned by every method on every task with every
 * seed. A file of JSON; {@code docs/compare.md} tells its fields.
 *
 * @param models owners' models
 * @param publicText what recipes learn from, or null
 * @param emulating how a recipe's step trains that does not say otherwise
 * @param recipes ways to make emulators
 * @param methods ways to tune the adapter
 * @param tasks what is learned and measured
 * @param seeds of everything random
 */
public record ComparePlan(
    List<Model> models,
    @Nullable Text publicText,
    Training emulating,
    List<Recipe> recipes,
    List<Method> methods,
    List<Task> tasks,
    List<Long> seeds) {
  public ComparePlan {
    models = List.copyOf(models);
    recipes = List.copyOf(recipes);
    methods = List.copyOf(methods);
    tasks = List.copyOf(tasks);
    seeds = List.copyOf(seeds);
  }

  /** A model folder or GGUF file. */
  public record Model(String name, Path path) {}

  /**
   * A text.
   *
   * @param path file, folder or zip
   * @param include which files of a folder or zip, as a glob
   * @param validation share to hold back
   * @param block tokens per row
   * @param characters to read at most, by a fixed draw of documents; 0 reads all
   * @param measured rows of the held-back part to measure on, evenly spread; 0 takes all
   */
  public record Text(
      Path path, String include, double validation, int block, long characters, int measured) {}

  /** How something trains: AdamW, cosine with 5 % warm-up, clip 1. */
  public record Training(int steps, int batch, float learningRate, int evaluateEvery) {
    /** With this seed; the state is saved ten times on the way. */
    TrainingPlan plan(long seed) {
      return TrainingPlan.of(steps, batch, learningRate, seed)
          .evaluatingEvery(evaluateEvery)
          .savingEvery(Math.max(1, steps / 10));
    }

    JsonObject describe() {
      return JsonObject.create()
          .put("steps", steps)
          .put("batch", batch)
          .put("lr", learningRate)
          .put("evaluate_every", evaluateEvery);
    }

    private static Training read(JsonObject o) throws FormatException {
      only(o, "steps", "batch", "lr", "evaluate_every");
      int steps = o.integer("steps", 1, Integer.MAX_VALUE);
      return new Training(
          steps,
          o.integer("batch", 1, 1 << 16),
          rate(o),
          o.integer("evaluate_every", 0, steps, Math.max(1, steps / 4)));
    }

    private static float rate(JsonObject o) throws FormatException {
      if (!o.has("lr")) throw o.wrong("lr", "is missing; expected a learning rate such as 1e-4");
      double lr = o.number("lr", 0);
      if (!(lr > 0 && lr <= 10)) throw o.wrong("lr", "must be above 0 and at most 10, got " + lr);
      return (float) lr;
    }
  }

  /**
   * A way to make emulators.
   *
   * @param ranking the folder of the ranking that it reads, if it does
   */
  public record Recipe(String name, EmulatorRecipe recipe, Optional<Path> ranking) {
    /** Whether its emulators depend on the seed. */
    public boolean seeded() {
      return recipe.needsText();
    }
  }

  /**
   * A way to tune the adapter.
   *
   * @param method what of the adapter's blocks is trained
   * @param learningRate in place of the task's
   */
  public record Method(String name, PeftMethod method, Optional<Float> learningRate) {
    /** The task's training with this method's rate. */
    Training over(Training training) {
      return new Training(
          training.steps(),
          training.batch(),
          learningRate.orElse(training.learningRate()),
          training.evaluateEvery());
    }
  }

  /** Something to learn and to measure. */
  public sealed interface Task {
    /** Its name in tables. */
    String name();

    /** How the adapter is tuned. */
    Training tune();

    /** How the full model is fine-tuned. */
    Training fineTune();

    /** A private text; measured is the perplexity of its held-back part. */
    record OfText(String name, Text text, Training tune, Training fineTune) implements Task {}

    /**
     * Questions with choices as JSON lines; measured is the share answered rightly of those held
     * back.
     *
     * @param data JSON lines
     * @param format a benchmark's name or a file that describes one
     * @param validation share to hold back
     * @param block tokens per row of training
     * @param questions to measure on, at most
     */
    record OfChoices(
        String name,
        Path data,
        String format,
        double validation,
        int block,
        int questions,
        Training tune,
        Training fineTune)
        implements Task {}
  }

  /**
   * Reads a plan.
   *
   * @param folder where its relative paths start
   * @throws FormatException naming the field, the rule and the cure
   */
  public static ComparePlan read(Path file, Path folder) throws IOException {
    JsonObject json = JsonObject.read(file);
    only(json, "about", "models", "public", "emulating", "recipes", "methods", "tasks", "seeds");
    List<Model> models = new ArrayList<>();
    for (JsonObject m : some(json, "models")) {
      only(m, "name", "path");
      models.add(new Model(m.string("name"), folder.resolve(m.string("path"))));
    }
    List<Recipe> recipes = new ArrayList<>();
    for (JsonObject r : some(json, "recipes")) recipes.add(recipe(r, folder, file));
    List<Method> methods = new ArrayList<>();
    for (JsonObject m : some(json, "methods")) methods.add(method(m));
    List<Task> tasks = new ArrayList<>();
    for (JsonObject t : some(json, "tasks")) tasks.add(task(t, folder));
    distinct(json, "models", models.stream().map(Model::name).toList());
    distinct(json, "recipes", recipes.stream().map(Recipe::name).toList());
    distinct(json, "methods", methods.stream().map(Method::name).toList());
    distinct(json, "tasks", tasks.stream().map(Task::name).toList());
    Text shared = json.has("public") ? text(json.object("public"), folder) : null;
    for (Recipe r : recipes)
      if (shared == null && r.recipe().needsText())
        throw json.wrong(
            "public",
            "is missing; recipe \""
                + r.name()
                + "\" has a step that learns: {\"path\": \"FOLDER OF TEXT\"}");
    return new ComparePlan(
        models,
        shared,
        json.has("emulating")
            ? Training.read(json.object("emulating"))
            : new Training(200, 4, 1e-4f, 0),
        recipes,
        methods,
        tasks,
        seeds(json));
  }

  private static List<Long> seeds(JsonObject json) throws FormatException {
    if (!json.has("seeds"))
      throw json.wrong("seeds", "is missing; expected whole numbers such as [1, 2, 3]");
    Set<Long> seeds = new LinkedHashSet<>();
    for (double s : json.numbers("seeds")) {
      if (s != Math.rint(s)) throw json.wrong("seeds", "must be whole numbers, got " + s);
      if (!seeds.add((long) s))
        throw json.wrong("seeds", "must be distinct, got twice " + (long) s);
    }
    if (seeds.isEmpty()) throw json.wrong("seeds", "must not be empty; give one at least");
    return List.copyOf(seeds);
  }

  private static Recipe recipe(JsonObject r, Path folder, Path place) throws IOException {
    String name = r.string("name");
    Optional<Path> ranking = Optional.empty();
    if (r.value("ranking") instanceof String path) {
      ranking = Optional.of(folder.resolve(path));
      r.put("ranking", folder.resolve(path).toString());
    }
    if (r.value("steps") instanceof List<?> steps)
      for (Object step : steps)
        if (step instanceof Map<?, ?> settings && settings.get("ranking") instanceof String path) {
          Path resolved = folder.resolve(path);
          @SuppressWarnings("unchecked")
          Map<String, Object> changed = (Map<String, Object>) settings;
          changed.put("ranking", resolved.toString());
          ranking = Optional.of(resolved);
        }
    return new Recipe(
        name, EmulatorRecipe.of(r.without("name"), place + ": recipe \"" + name + "\""), ranking);
  }

  private static Method method(JsonObject m) throws FormatException {
    String name = m.string("name");
    Optional<Float> rate = m.has("lr") ? Optional.of(Training.rate(m)) : Optional.empty();
    return new Method(
        name, MethodSettings.read(m, m.optionalString("method").orElse(name), "name", "lr"), rate);
  }

  private static Task task(JsonObject t, Path folder) throws FormatException {
    String name = t.string("name");
    Training tune = Training.read(t.object("tune"));
    Training fineTune = t.has("fine_tune") ? Training.read(t.object("fine_tune")) : tune;
    boolean choices = t.has("data");
    if (choices == t.has("path"))
      throw t.wrong(
          "path",
          "or data must be given, and not both: a text's path for perplexity, or questions with choices (.jsonl) for accuracy");
    if (!choices)
      return new Task.OfText(
          name,
          text(t.without("name").without("tune").without("fine_tune"), folder),
          tune,
          fineTune);
    only(t, "name", "data", "format", "validation", "block", "questions", "tune", "fine_tune");
    String format = t.optionalString("format").orElse("");
    if (format.isEmpty())
      throw t.wrong("format", "is missing; name a benchmark such as piqa, or a file like it");
    return new Task.OfChoices(
        name,
        folder.resolve(t.string("data")),
        format.endsWith(".json") ? folder.resolve(format).toString() : format,
        share(t),
        t.integer("block", 2, 1 << 20),
        t.integer("questions", 1, Integer.MAX_VALUE, Integer.MAX_VALUE),
        tune,
        fineTune);
  }

  private static Text text(JsonObject t, Path folder) throws FormatException {
    only(t, "path", "include", "validation", "block", "characters", "measured");
    return new Text(
        folder.resolve(t.string("path")),
        t.optionalString("include").orElse("**"),
        share(t),
        t.integer("block", 2, 1 << 20),
        t.has("characters") ? t.integer("characters") : 0,
        t.integer("measured", 0, Integer.MAX_VALUE, 0));
  }

  private static double share(JsonObject o) throws FormatException {
    double share = o.number("validation", 0.1);
    if (!(share > 0 && share < 1))
      throw o.wrong(
          "validation", "must be above 0 and below 1, a share to hold back, got " + share);
    return share;
  }

  private static List<JsonObject> some(JsonObject json, String field) throws FormatException {
    List<JsonObject> all = json.objects(field);
    if (all.isEmpty()) throw json.wrong(field, "must not be empty; give one at least");
    return all;
  }

  private static void distinct(JsonObject json, String field, List<String> names)
      throws FormatException {
    Set<String> seen = new HashSet<>();
    for (String name : names)
      if (!seen.add(name))
        throw json.wrong(field, "must have distinct names, got twice \"" + name + "\"");
  }

  private static void only(JsonObject o, String... known) throws FormatException {
    o.requireOnly(known);
  }
}
