package dev.outpost.offsite.compare;

import static dev.outpost.offsite.page.Html.escape;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Results as one page of HTML that needs no network: tables as plain HTML, plots by Chart.js, which
 * is part of the page. Well-formed XML too.
 */
public final class ComparePage {
  private static final List<String> HEADS =
      List.of("full ZS", "emulator ZS", "emulator FT", "plug-in", "full FT");

  private final PlotPage page;
  private final StringBuilder html;
  private final CompareCharts charts;

  private ComparePage(PlotPage page) {
    this.page = page;
    this.html = page.html();
    this.charts = new CompareCharts(page.plots());
  }

  /**
   * The page.
   *
   * @param lines of results, as a comparison writes them
   * @param failed lines with a {@code reason}
   */
  public static String html(List<JsonObject> lines, List<JsonObject> failed) throws IOException {
    PlotPage page = PlotPage.titled("Offsite-tuning compared");
    new ComparePage(page).write(lines, failed);
    return page.finish();
  }

  private void write(List<JsonObject> lines, List<JsonObject> failed) throws FormatException {
    html.append(
        "<p class=\"soft\">ZS is zero-shot, FT tuned. The owner can measure full ZS and plug-in, the"
            + " data owner emulator ZS and FT, and nobody full FT, which needs model and data in one"
            + " place. Figures are mean ± standard error over seeds; of a single seed, over tokens"
            + " or questions.</p>\n");
    Map<String, List<Summary>> groups = new LinkedHashMap<>();
    for (Summary s : Summary.of(lines))
      groups.computeIfAbsent(s.model() + " · " + s.task(), k -> new ArrayList<>()).add(s);
    for (Map.Entry<String, List<Summary>> g : groups.entrySet()) task(g.getKey(), g.getValue());
    if (groups.isEmpty()) html.append("<p>No cell is finished yet.</p>\n");
    emulators(lines);
    rankings(lines);
    failures(failed);
  }

  private void task(String title, List<Summary> rows) throws FormatException {
    Summary first = rows.getFirst();
    html.append("<h2>").append(escape(title)).append("</h2>\n");
    html.append("<p class=\"soft\">")
        .append(
            first.perplexity()
                ? "Perplexity of held-back text, lower is better. Differences are in nats per token."
                : "Share of held-back questions answered rightly ("
                    + escape(first.metric())
                    + ") in percent, higher is better. Differences are in percentage points.")
        .append("</p>\n<div class=\"scroll\"><table>\n<thead><tr><th class=\"name\">recipe</th>")
        .append("<th class=\"name\">method</th><th>seeds</th>");
    for (String head : HEADS) html.append("<th>").append(head).append("</th>");
    html.append(
        "<th>utility:<br/>plug-in over<br/>full ZS</th>"
            + "<th>privacy:<br/>plug-in over<br/>emulator FT</th></tr></thead>\n<tbody>\n");
    for (Summary s : rows) numbers(s);
    html.append("</tbody>\n</table></div>\n<p class=\"soft\">Utility above 0: the owner gains by")
        .append(" plugging in. Privacy above 0: the data owner holds less than the owner.</p>\n");
    html.append("<div class=\"charts\">\n");
    for (Plots.Chart c : charts.ofTask(rows)) page.figure(c);
    html.append("</div>\n<div class=\"scroll\"><table>\n<thead><tr><th class=\"name\">recipe</th>")
        .append(
            "<th class=\"name\">method</th><th>parameters shipped</th><th>of the full model</th>")
        .append("<th>middle blocks kept</th><th>parameters tuned</th><th>seconds</th>")
        .append("<th>memory</th></tr></thead>\n<tbody>\n");
    for (Summary s : rows) costs(s);
    html.append(
            "</tbody>\n</table></div>\n<p class=\"soft\">Seconds and memory of a cell: tuning and")
        .append(" measuring, and the most that activations and their gradients took.</p>\n");
  }

  private void numbers(Summary s) throws FormatException {
    html.append("<tr>");
    cell("name", escape(s.recipe()));
    cell("name", escape(s.method()));
    cell("", "" + s.cells().size());
    for (String setting : Summary.SETTINGS) mean(CompareTable.text(s, s.mean(setting)));
    mean(CompareTable.gain(s, "full_zero_shot"));
    mean(CompareTable.gain(s, "emulator_tuned"));
    html.append("</tr>\n");
  }

  private void costs(Summary s) throws FormatException {
    html.append("<tr>");
    cell("name", escape(s.recipe()));
    cell("name", escape(s.method()));
    double shipped = s.number("emulator_parameters");
    cell("", count(shipped));
    cell("", String.format(Locale.ROOT, "%.1f %%", 100 * shipped / s.number("full_parameters")));
    cell(
        "",
        String.format(
            Locale.ROOT, "%.0f of %.0f", s.number("retained_blocks"), s.number("middle_blocks")));
    cell("", count(s.number("trained_parameters")));
    cell("", String.format(Locale.ROOT, "%.1f", s.number("seconds")));
    cell("", mib(s.number("peak_workspace_bytes")));
    html.append("</tr>\n");
  }

  private void emulators(List<JsonObject> lines) throws FormatException {
    List<JsonObject> made = lines.stream().filter(l -> "emulator".equals(l.value("kind"))).toList();
    List<JsonObject> full =
        lines.stream().filter(l -> "full fine-tuned".equals(l.value("kind"))).toList();
    if (made.isEmpty() && full.isEmpty()) return;
    html.append("<h2>What was made once</h2>\n<div class=\"scroll\"><table>\n<thead><tr>")
        .append("<th class=\"name\">model</th><th class=\"name\">what</th><th>seed</th>")
        .append("<th>parameters</th><th>middle blocks kept</th><th>seconds</th><th>memory</th>")
        .append("</tr></thead>\n<tbody>\n");
    for (JsonObject e : made) {
      html.append("<tr>");
      cell("name", escape(e.string("model")));
      cell("name", "emulator " + escape(e.string("recipe")));
      cell("", "" + e.integer("seed"));
      cell("", count(e.number("parameters", 0)));
      cell("", e.integer("retained_blocks") + " of " + e.integer("middle_blocks"));
      costs(e);
    }
    for (JsonObject f : full) {
      html.append("<tr>");
      cell("name", escape(f.string("model")));
      cell("name", "full fine-tuning on " + escape(f.string("task")));
      cell("", "" + f.integer("seed"));
      cell("", count(f.number("trained_parameters", 0)));
      cell("", "");
      costs(f);
    }
    html.append("</tbody>\n</table></div>\n");
  }

  private void costs(JsonObject line) throws FormatException {
    cell("", String.format(Locale.ROOT, "%.1f", line.number("seconds", 0)));
    cell("", mib(line.number("peak_workspace_bytes", 0)));
    html.append("</tr>\n");
  }

  private void rankings(List<JsonObject> lines) throws FormatException {
    for (JsonObject line : lines) {
      if (!line.string("kind").equals("ranking")) continue;
      html.append("<h2>Layer importance: ").append(escape(line.string("model"))).append("</h2>\n");
      html.append("<p class=\"soft\">Learnt by ScaleOT’s first stage (")
          .append(escape(line.string("ranking")))
          .append("); scores compare within groups of ")
          .append(line.integer("group"))
          .append(".</p>\n<div class=\"charts\">\n");
      page.figure(charts.importance(line));
      html.append(
          "</div>\n<div class=\"scroll\"><table>\n<thead><tr><th class=\"name\">block</th>");
      List<Double> scores = line.numbers("scores");
      for (int i = 0; i < scores.size(); i++) html.append("<th>").append(i).append("</th>");
      html.append("</tr></thead>\n<tbody><tr><td class=\"name\">score</td>");
      for (double s : scores) cell("", String.format(Locale.ROOT, "%+.3f", s));
      html.append("</tr></tbody>\n</table></div>\n");
    }
  }

  private void failures(List<JsonObject> failed) throws FormatException {
    if (failed.isEmpty()) return;
    html.append("<h2>What failed</h2>\n<ul class=\"failed\">\n");
    for (JsonObject f : failed) {
      StringBuilder what = new StringBuilder(f.string("kind"));
      for (String field : List.of("model", "task", "recipe", "method", "seed"))
        if (f.has(field)) what.append(", ").append(f.value(field));
      html.append("<li>").append(escape(what + ": " + f.string("reason")));
      // Lines of older runs have none.
      if (f.has("trace")) html.append(" (").append(escape(f.string("trace"))).append(')');
      html.append("</li>\n");
    }
    html.append("</ul>\n");
  }

  private void mean(String text) {
    int cut = text.indexOf('±');
    cell("", text.substring(0, cut) + "<small>" + text.substring(cut) + "</small>");
  }

  private void cell(String type, String content) {
    html.append(type.isEmpty() ? "<td>" : "<td class=\"" + type + "\">")
        .append(content)
        .append("</td>");
  }

  private static String count(double n) {
    return n < 1e6
        ? String.format(Locale.ROOT, "%,.0f", n)
        : String.format(Locale.ROOT, "%.2f M", n / 1e6);
  }

  private static String mib(double bytes) {
    return String.format(Locale.ROOT, "%.1f MiB", bytes / (1 << 20));
  }
}
