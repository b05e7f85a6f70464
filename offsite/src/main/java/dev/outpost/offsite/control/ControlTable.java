package dev.outpost.offsite.control;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/** Results as tables of text: mean ± standard error over seeds. */
public final class ControlTable {
  private static final String FED_FT = "Fed-FT";

  /** What {@link #rows} tells of each controller. */
  static final List<String> HEADS =
      List.of(
          "controller",
          "reward",
          "total delay, s",
          "peak memory, MiB",
          "exchanges",
          "moved, GiB",
          "taking part",
          "over memory",
          "converged",
          "rounds to it",
          "perplexity");

  /** What {@link #ratios} tells. */
  static final List<String> RATIO_HEADS =
      List.of(
          "Fed-FT over",
          "rounds to convergence",
          "seconds to convergence",
          "bits to convergence",
          "total delay",
          "bits moved",
          "peak memory");

  private ControlTable() {}

  /** The lines of each controller, in their order. */
  static Map<String, List<JsonObject>> byController(List<JsonObject> lines) throws FormatException {
    Map<String, List<JsonObject>> all = new LinkedHashMap<>();
    for (JsonObject line : lines)
      if (line.string("kind").equals("control"))
        all.computeIfAbsent(line.string("controller"), k -> new ArrayList<>()).add(line);
    return all;
  }

  /** A row per controller, cells as {@link #HEADS}. */
  static List<List<String>> rows(List<JsonObject> lines) throws FormatException {
    List<List<String>> rows = new ArrayList<>();
    for (Map.Entry<String, List<JsonObject>> e : byController(lines).entrySet()) {
      List<JsonObject> own = e.getValue();
      rows.add(
          List.of(
              e.getKey(),
              mean(own, "reward", 1),
              mean(own, "delay_seconds", 1),
              mean(own, "peak_memory_bytes", 1.0 / (1 << 20)),
              mean(own, "exchanges", 1),
              mean(own, "bits", 1.0 / 8 / (1 << 30)),
              mean(own, "participation", 100) + " %",
              mean(own, "oversized", 1),
              mean(own, "converged", 100) + " %",
              mean(own, "rounds_to_convergence", 1),
              mean(own, "final_perplexity", 1)));
    }
    return rows;
  }

  /** A row per controller but Fed-FT, cells as {@link #RATIO_HEADS}: Fed-FT's figure over its. */
  static List<List<String>> ratios(List<JsonObject> lines) throws FormatException {
    Map<String, List<JsonObject>> all = byController(lines);
    List<List<String>> rows = new ArrayList<>();
    List<JsonObject> whole = all.getOrDefault(FED_FT, List.of());
    for (Map.Entry<String, List<JsonObject>> e : all.entrySet()) {
      if (e.getKey().equals(FED_FT)) continue;
      List<String> row = new ArrayList<>();
      row.add(e.getKey());
      for (String field :
          List.of(
              "rounds_to_convergence",
              "seconds_to_convergence",
              "bits_to_convergence",
              "delay_seconds",
              "bits",
              "peak_memory_bytes")) {
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < Math.min(whole.size(), e.getValue().size()); i++) {
          JsonObject mine = e.getValue().get(i);
          double of = mine.number(field, 0);
          if (whole.get(i).has(field) && of > 0) ratios.add(whole.get(i).number(field, 0) / of);
        }
        row.add(text(ratios));
      }
      rows.add(row);
    }
    return rows;
  }

  /** In how many seeds the first controller's reward is better than another's, each with a line. */
  static List<String> wins(List<JsonObject> lines) throws FormatException {
    Map<String, List<JsonObject>> all = byController(lines);
    List<String> out = new ArrayList<>();
    if (all.isEmpty()) return out;
    String first = all.keySet().iterator().next();
    List<JsonObject> mine = all.getOrDefault(first, List.of());
    for (Map.Entry<String, List<JsonObject>> e : all.entrySet()) {
      if (e.getKey().equals(first)) continue;
      int better = 0;
      List<Double> gains = new ArrayList<>();
      for (int i = 0; i < mine.size(); i++) {
        double gain =
            mine.get(i).number("reward", Double.NaN)
                - e.getValue().get(i).number("reward", Double.NaN);
        gains.add(gain);
        if (gain > 0) better++;
      }
      out.add(
          String.format(
              Locale.ROOT,
              "%s against %s: reward %s, better on %d of %d seeds",
              first,
              e.getKey(),
              text(gains),
              better,
              mine.size()));
    }
    return out;
  }

  /** Everything as lines for a terminal. */
  public static List<String> lines(List<JsonObject> results) throws FormatException {
    List<String> out = new ArrayList<>(columns(HEADS, rows(results)));
    out.add("");
    out.addAll(columns(RATIO_HEADS, ratios(results)));
    out.add("");
    out.addAll(wins(results));
    return out;
  }

  private static List<String> columns(List<String> heads, List<List<String>> rows) {
    List<List<String>> all = new ArrayList<>();
    all.add(heads);
    all.addAll(rows);
    int[] width = new int[heads.size()];
    for (List<String> row : all)
      for (int i = 0; i < width.length; i++) width[i] = Math.max(width[i], row.get(i).length());
    List<String> out = new ArrayList<>();
    for (List<String> row : all) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < width.length; i++) {
        String pad = " ".repeat(width[i] - row.get(i).length());
        line.append(i == 0 ? row.get(i) + pad : "  " + pad + row.get(i));
      }
      out.add(line.toString());
    }
    return out;
  }

  private static String mean(List<JsonObject> lines, String field, double factor)
      throws FormatException {
    List<Double> values = new ArrayList<>();
    for (JsonObject line : lines) if (line.has(field)) values.add(factor * line.number(field, 0));
    return text(values);
  }

  /** Mean and standard error; a dash of nothing. */
  static String text(List<Double> values) {
    OptionalDouble mean = values.stream().mapToDouble(v -> v).average();
    if (mean.isEmpty()) return "–";
    double squares =
        values.stream().mapToDouble(v -> (v - mean.getAsDouble()) * (v - mean.getAsDouble())).sum();
    int n = values.size();
    double error = n < 2 ? 0 : Math.sqrt(squares / (n - 1) / n);
    int digits = Math.abs(mean.getAsDouble()) < 100 ? 2 : 0;
    String format = "%,." + digits + "f ± %,." + digits + "f";
    return String.format(Locale.ROOT, format, mean.getAsDouble(), error);
  }
}
