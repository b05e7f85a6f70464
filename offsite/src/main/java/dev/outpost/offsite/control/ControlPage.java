package dev.outpost.offsite.control;

import dev.outpost.offsite.compare.PlotPage;
import dev.outpost.offsite.compare.Plots;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Controllers compared, as one page that needs no network. */
public final class ControlPage {
  private final Plots plots;
  private final Map<String, List<JsonObject>> controllers;

  private ControlPage(Plots plots, Map<String, List<JsonObject>> controllers) {
    this.plots = plots;
    this.controllers = controllers;
  }

  /** The page of a study's lines. */
  public static String html(Scenario scenario, List<JsonObject> lines) throws IOException {
    PlotPage page = PlotPage.titled("Control of a federation: " + scenario.name());
    page.remark(
        scenario.fleet().devices()
            + " simulated devices, "
            + scenario.rounds()
            + " rounds. Loss curves are measured on this project's trained base, sizes counted, links"
            + " and devices drawn; how devices' progress adds up is a model. Figures are mean ±"
            + " standard error over seeds. A federation has converged when a tenth of the way to the"
            + " best loss through an emulator is left; rounds to it are of those that got there.");
    page.heading("Controllers");
    page.table(ControlTable.HEADS, ControlTable.rows(lines));
    for (String line : ControlTable.wins(lines)) page.remark(line + ".");
    page.heading("Against federated full tuning");
    page.remark(
        "What Fed-FT takes, as a multiple of what each controller takes; above 1 the controller"
            + " takes less.");
    page.table(ControlTable.RATIO_HEADS, ControlTable.ratios(lines));
    page.heading("Rounds");
    ControlPage own = new ControlPage(page.plots(), ControlTable.byController(lines));
    page.figures(
        List.of(
            own.costs(),
            own.byRound(
                "Distance from convergence",
                "mean over devices, episodes and seeds",
                "distance_by_round",
                "distance",
                false,
                true),
            own.byRound("Delay so far", "", "seconds_by_round", "seconds", true, true),
            own.byRound(
                "Devices taking part",
                "",
                "participation_by_round",
                "share of devices",
                false,
                false),
            own.byRound(
                "Middle kept by those taking part",
                "Fed-FT has no emulator",
                "kept_by_round",
                "share of the middle",
                false,
                false),
            own.learning(lines)));
    return page.finish();
  }

  private Plots.Chart costs() throws FormatException {
    List<Double> costs = new ArrayList<>();
    for (List<JsonObject> own : controllers.values()) {
      double sum = 0;
      for (JsonObject line : own) sum -= line.number("reward", 0);
      costs.add(sum / own.size());
    }
    return plots.add(
        "Cost of an episode",
        "the negative reward, mean over seeds; lower is better",
        Plots.spec("bars", "", "cost", true, List.of(Plots.series("cost", 0, costs)))
            .put("labels", List.copyOf(controllers.keySet())));
  }

  private Plots.Chart byRound(
      String title, String note, String field, String y, boolean running, boolean log)
      throws FormatException {
    List<JsonObject> series = new ArrayList<>();
    int colour = 0;
    for (Map.Entry<String, List<JsonObject>> e : controllers.entrySet()) {
      double[] sums = new double[0];
      for (JsonObject line : e.getValue()) {
        List<Double> values = line.numbers(field);
        if (sums.length == 0) sums = new double[values.size()];
        for (int t = 0; t < sums.length; t++) sums[t] += values.get(t) / e.getValue().size();
      }
      List<List<Double>> points = new ArrayList<>();
      double total = 0;
      for (int t = 0; t < sums.length; t++) {
        total += sums[t];
        double v = running ? total : sums[t];
        if (!log || v > 0) points.add(List.of(t + 1.0, v));
      }
      series.add(Plots.series(e.getKey(), colour++, points));
    }
    return plots.add(title, note, Plots.spec("lines", "round", y, log, series));
  }

  private Plots.Chart learning(List<JsonObject> lines) throws FormatException {
    List<JsonObject> series = new ArrayList<>();
    for (JsonObject line : lines) {
      if (!line.string("kind").equals("learning")) continue;
      List<List<Double>> points = new ArrayList<>();
      if (line.value("reward") instanceof List<?> pairs)
        for (Object pair : pairs)
          if (pair instanceof List<?> p
              && p.get(0) instanceof Number at
              && p.get(1) instanceof Number reward)
            points.add(List.of(at.doubleValue(), Math.max(1e-3, -reward.doubleValue())));
      series.add(Plots.series("seed " + line.value("seed"), series.size(), points));
    }
    return plots.add(
        "Learning",
        "cost of an episode while the policy still explores",
        Plots.spec("lines", "iteration", "cost", true, series));
  }
}
