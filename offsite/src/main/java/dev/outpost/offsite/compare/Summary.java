package dev.outpost.offsite.compare;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The cells of one model, task, recipe and method over all seeds.
 *
 * @param cells a line per seed
 */
record Summary(String model, String task, String recipe, String method, List<JsonObject> cells) {
  /** The settings in the papers' order, by their fields. */
  static final List<String> SETTINGS =
      List.of(
          "full_zero_shot", "emulator_zero_shot", "emulator_tuned", "plug_in", "full_fine_tuned");

  /**
   * A mean over seeds.
   *
   * @param standardError over seeds; of one seed the measurement's own
   */
  record Mean(double value, double standardError) {}

  /** All combinations among the lines, in their order. */
  static List<Summary> of(List<JsonObject> lines) throws FormatException {
    Map<List<String>, Summary> all = new LinkedHashMap<>();
    for (JsonObject line : lines) {
      if (!line.string("kind").equals("cell")) continue;
      List<String> key =
          List.of(
              line.string("model"),
              line.string("task"),
              line.string("recipe"),
              line.string("method"));
      all.computeIfAbsent(
              key, k -> new Summary(k.get(0), k.get(1), k.get(2), k.get(3), new ArrayList<>()))
          .cells
          .add(line);
    }
    return List.copyOf(all.values());
  }

  /** What is measured. */
  String metric() throws FormatException {
    return cells.getFirst().string("metric");
  }

  /** Whether less is better. */
  boolean perplexity() throws FormatException {
    return metric().endsWith("perplexity");
  }

  /** One of {@link #SETTINGS}. */
  Mean mean(String setting) throws FormatException {
    List<Double> values = new ArrayList<>();
    for (JsonObject c : cells) values.add(Figure.read(c.object(setting)).value());
    if (cells.size() > 1) return mean(values);
    return new Mean(
        values.getFirst(), Figure.read(cells.getFirst().object(setting)).standardError());
  }

  /** Mean and standard error over seeds. */
  static Mean mean(List<Double> values) {
    double mean = values.stream().mapToDouble(v -> v).average().orElse(Double.NaN);
    double squares = values.stream().mapToDouble(v -> (v - mean) * (v - mean)).sum();
    int n = values.size();
    return new Mean(mean, n < 2 ? 0 : Math.sqrt(squares / (n - 1) / n));
  }

  /**
   * By how much one setting is better than another: in nats per token where perplexity is measured,
   * else in percentage points.
   */
  Mean gain(String better, String worse) throws FormatException {
    List<Double> gains = new ArrayList<>();
    for (JsonObject c : cells) gains.add(gain(c, better, worse));
    return mean(gains);
  }

  /** The same of one seed. */
  static double gain(JsonObject cell, String better, String worse) throws FormatException {
    return score(cell, better) - score(cell, worse);
  }

  private static double score(JsonObject cell, String setting) throws FormatException {
    double v = Figure.read(cell.object(setting)).value();
    return cell.string("metric").endsWith("perplexity") ? -Math.log(v) : 100 * v;
  }

  /** A plain number of the cells, the same or alike for all seeds. */
  double number(String field) throws FormatException {
    double sum = 0;
    for (JsonObject c : cells) sum += c.number(field, Double.NaN);
    return sum / cells.size();
  }
}
