package dev.outpost.transformer.train;

import dev.outpost.autograd.optim.Optimizer;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsFile;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.weight.HeapWeight;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * A training run on disk, in one folder: {@code last.safetensors} holds everything a bit-exact
 * resume needs (parameters, optimizer state, position, settings) in one file, so that no moment
 * exists in which its parts disagree; {@code best.safetensors} holds the parameters with the lowest
 * validation loss. Reading the best again after a crash is safe because a resumed run finds the
 * same best at the same step.
 *
 * @param step steps taken
 * @param bestLoss lowest validation loss so far, infinity before the first
 * @param bestStep step it was found at
 * @param more what a run that is more than a {@link Trainer} keeps besides
 */
public record TrainingState(int step, double bestLoss, int bestStep, JsonObject more) {
  private static final String PARAMETER = "parameter/";
  private static final String OPTIMIZER = "optimizer/";

  /** Of a run that keeps nothing more. */
  TrainingState(int step, double bestLoss, int bestStep) {
    this(step, bestLoss, bestStep, JsonObject.create());
  }

  /** After so many steps of a run that looks for no best. */
  public static TrainingState after(int step, JsonObject more) {
    return new TrainingState(step, Double.POSITIVE_INFINITY, 0, more);
  }

  /** The file of everything. */
  public static Path last(Path folder) {
    return folder.resolve("last.safetensors");
  }

  static Path best(Path folder) {
    return folder.resolve("best.safetensors");
  }

  /** Writes the state; the file is the old one or the whole new one. */
  public void save(
      Path folder, Map<String, HeapWeight> parameters, Optimizer optimizer, JsonObject settings)
      throws IOException {
    Map<String, HeapWeight> tensors = new LinkedHashMap<>();
    parameters.forEach((name, w) -> tensors.put(PARAMETER + name, w));
    optimizer.state().forEach((name, t) -> tensors.put(OPTIMIZER + name, HeapWeight.of(t)));
    JsonObject state =
        JsonObject.create()
            .put("step", step)
            .put("best_loss", Double.toString(bestLoss))
            .put("best_step", bestStep);
    if (!more.names().isEmpty()) state.put("more", more);
    SafetensorsWriter.write(
        last(folder),
        tensors,
        null,
        Map.of(
            "format",
            "outpost-training-1",
            "state",
            state.toLine(),
            "settings",
            settings.toLine()));
  }

  /**
   * Puts parameters and optimizer where the saved run stopped. Refuses, changing nothing, when the
   * settings differ.
   *
   * @throws FormatException naming the settings that differ
   */
  public static TrainingState resume(
      Path folder, Map<String, HeapWeight> parameters, Optimizer optimizer, JsonObject settings)
      throws IOException {
    Path file = last(folder);
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      if (!"outpost-training-1".equals(f.metadata().get("format")))
        throw new FormatException(file + ": is no training state of this version of Outpost");
      JsonObject saved =
          JsonObject.parse(file + " settings", f.metadata().getOrDefault("settings", "{}"));
      refuseOtherSettings(file, saved, settings);
      JsonObject state =
          JsonObject.parse(file + " state", f.metadata().getOrDefault("state", "{}"));
      Map<String, Tensor> optimizerState = new LinkedHashMap<>();
      Map<String, Tensor> values = new LinkedHashMap<>();
      for (String name : f.names()) {
        if (name.startsWith(OPTIMIZER))
          optimizerState.put(name.substring(OPTIMIZER.length()), f.weight(name).toTensor());
        else if (name.startsWith(PARAMETER))
          values.put(name.substring(PARAMETER.length()), f.weight(name).toTensor());
        else throw new FormatException(file + ": unexpected tensor " + name);
      }
      Map<HeapWeight, Tensor> fitting = fit(file, values, parameters);
      TrainingState result =
          new TrainingState(
              state.integer("step", 0, Integer.MAX_VALUE),
              number(state, "best_loss"),
              state.integer("best_step", 0, Integer.MAX_VALUE),
              state.has("more") ? state.object("more") : JsonObject.create());
      optimizer.restore(optimizerState);
      fitting.forEach((w, t) -> w.tensor().copyFrom(t));
      return result;
    }
  }

  private static double number(JsonObject state, String field) throws FormatException {
    try {
      return Double.parseDouble(state.string(field));
    } catch (NumberFormatException e) {
      throw state.wrong(field, "must be a number");
    }
  }

  private static void refuseOtherSettings(Path file, JsonObject saved, JsonObject now)
      throws FormatException {
    JsonObject before = JsonObject.parse("settings", saved.toLine());
    JsonObject wanted = JsonObject.parse("settings", now.toLine());
    StringBuilder differences = new StringBuilder();
    Set<String> fields = new LinkedHashSet<>(wanted.names());
    fields.addAll(before.names());
    for (String field : fields) {
      String a = before.optionalString(field).orElse("absent");
      String b = wanted.optionalString(field).orElse("absent");
      if (!a.equals(b))
        differences
            .append(differences.isEmpty() ? "" : "; ")
            .append(field)
            .append(" was ")
            .append(a)
            .append(", now ")
            .append(b);
    }
    if (!differences.isEmpty())
      throw new FormatException(
          file
              + ": was saved by a run with other settings ("
              + differences
              + "); resume with the same settings, or start anew in another folder");
  }

  /** Which saved value belongs to which weight; refuses other names and shapes. */
  private static Map<HeapWeight, Tensor> fit(
      Path file, Map<String, Tensor> values, Map<String, HeapWeight> parameters)
      throws FormatException {
    if (!values.keySet().equals(parameters.keySet()))
      throw new FormatException(
          file
              + ": holds parameters "
              + values.keySet()
              + ", the model trains "
              + parameters.keySet());
    Map<HeapWeight, Tensor> fitting = new IdentityHashMap<>();
    for (Map.Entry<String, HeapWeight> e : parameters.entrySet()) {
      Tensor value = values.get(e.getKey());
      if (value == null || !value.shape().equals(e.getValue().shape()))
        throw new FormatException(
            file
                + ": parameter "
                + e.getKey()
                + " has shape "
                + (value == null ? "none" : value.shape())
                + ", the model's has "
                + e.getValue().shape());
      fitting.put(e.getValue(), value);
    }
    return fitting;
  }

  static void saveBest(Path folder, Map<String, HeapWeight> parameters) throws IOException {
    SafetensorsWriter.write(best(folder), parameters, null, Map.of("format", "outpost-best-1"));
  }

  static void loadBest(Path folder, Map<String, HeapWeight> parameters) throws IOException {
    if (!Files.exists(best(folder))) return;
    try (SafetensorsFile f = SafetensorsFile.open(best(folder))) {
      Map<String, Tensor> values = new LinkedHashMap<>();
      for (String name : f.names()) values.put(name, f.weight(name).toTensor());
      fit(best(folder), values, parameters).forEach((w, t) -> w.tensor().copyFrom(t));
    }
  }
}
