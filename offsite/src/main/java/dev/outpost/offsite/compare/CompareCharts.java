package dev.outpost.offsite.compare;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The plots of a comparison. */
final class CompareCharts {
  private final Plots plots;

  /** Adds to these. */
  CompareCharts(Plots plots) {
    this.plots = plots;
  }

  /** All plots of one model and task. */
  List<Plots.Chart> ofTask(List<Summary> rows) throws FormatException {
    return List.of(privacy(rows), retained(rows), curves(rows));
  }

  private static String label(Summary s, List<Summary> rows) {
    boolean one = rows.stream().map(Summary::method).distinct().count() == 1;
    return one ? s.recipe() : s.recipe() + ", " + s.method();
  }

  private Plots.Chart privacy(List<Summary> rows) throws FormatException {
    List<JsonObject> series = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      Summary s = rows.get(i);
      List<List<Double>> seeds = new ArrayList<>();
      for (JsonObject c : s.cells())
        seeds.add(
            List.of(
                Summary.gain(c, "plug_in", "full_zero_shot"),
                Summary.gain(c, "plug_in", "emulator_tuned")));
      series.add(
          Plots.series(
              label(s, rows),
              i,
              List.of(
                  List.of(
                      s.gain("plug_in", "full_zero_shot").value(),
                      s.gain("plug_in", "emulator_tuned").value()))));
      series.add(
          Plots.series(label(s, rows) + ", one seed", i, seeds)
              .put("faint", true)
              .put("unlisted", true));
    }
    String unit = rows.getFirst().perplexity() ? "nats per token" : "points";
    return plots.add(
        "Utility against privacy",
        "plug-in over full ZS, and over emulator FT; right and up is better; small dots are seeds",
        Plots.spec("spots", "utility, " + unit, "privacy, " + unit, false, series));
  }

  private Plots.Chart retained(List<Summary> rows) throws FormatException {
    boolean perplexity = rows.getFirst().perplexity();
    Map<String, List<List<Double>>> lines = new LinkedHashMap<>();
    for (String setting : List.of("emulator_zero_shot", "emulator_tuned", "plug_in"))
      for (Summary s : rows)
        lines
            .computeIfAbsent(setting, k -> new ArrayList<>())
            .add(
                List.of(
                    s.number("retained_blocks"), s.mean(setting).value() * (perplexity ? 1 : 100)));
    double zero = rows.getFirst().mean("full_zero_shot").value() * (perplexity ? 1 : 100);
    double tuned = rows.getFirst().mean("full_fine_tuned").value() * (perplexity ? 1 : 100);
    double most = rows.getFirst().number("middle_blocks");
    List<JsonObject> series = new ArrayList<>();
    List<String> names = List.of("emulator ZS", "emulator FT", "plug-in");
    int i = 0;
    List<String> labels = new ArrayList<>();
    for (Summary s : rows) labels.add(label(s, rows));
    for (List<List<Double>> points : lines.values()) {
      series.add(
          Plots.series(names.get(i), i, points)
              .put("names", labels)
              .put("marks", true)
              .put("spots", true));
      i++;
    }
    series.add(
        Plots.series("full ZS", 7, List.of(List.of(0.0, zero), List.of(most, zero)))
            .put("dashed", true));
    series.add(
        Plots.series("full FT", 4, List.of(List.of(0.0, tuned), List.of(most, tuned)))
            .put("dashed", true));
    String y = perplexity ? "perplexity" : "right, %";
    return plots.add(
        (perplexity ? "Perplexity" : "Accuracy") + " against retained blocks",
        "a mark per recipe and method; full ZS and FT across",
        Plots.spec("lines", "blocks of the middle that the emulator keeps", y, perplexity, series));
  }

  private Plots.Chart curves(List<Summary> rows) throws FormatException {
    List<JsonObject> series = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      Summary s = rows.get(i);
      JsonObject c = s.cells().getFirst();
      JsonObject curve = c.object("curve");
      series.add(Plots.series(label(s, rows), i, points(curve, "train")));
      series.add(
          Plots.series(label(s, rows) + ", held back", i, points(curve, "validation"))
              .put("dashed", true)
              .put("marks", true)
              .put("unlisted", true));
    }
    return plots.add(
        "Loss of the adapter’s tuning",
        "first seed; dashed: held-back data",
        Plots.spec("lines", "step", "nats per token", false, series));
  }

  private static List<?> points(JsonObject curve, String field) {
    return curve.value(field) instanceof List<?> list ? list : List.of();
  }

  /** Bars of a ranking's scores. */
  Plots.Chart importance(JsonObject ranking) throws FormatException {
    List<Double> scores = ranking.numbers("scores");
    JsonObject spec =
        Plots.spec("bars", "block", "score", false, List.of(Plots.series("score", 0, scores)))
            .put("labels", IntStream.range(0, scores.size()).mapToObj(i -> "" + i).toList());
    return plots.add("Score by block", "higher: worth keeping more than its neighbours", spec);
  }
}
