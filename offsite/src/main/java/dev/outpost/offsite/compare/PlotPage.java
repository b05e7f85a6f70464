package dev.outpost.offsite.compare;

import static dev.outpost.offsite.page.Html.escape;

import dev.outpost.offsite.page.Html;
import java.io.IOException;
import java.util.List;

/**
 * One page of HTML that needs no network: tables as plain HTML, plots by Chart.js, which is part of
 * the page. Well-formed XML too. Texts may hold anything.
 */
public final class PlotPage {
  private final StringBuilder html = new StringBuilder();
  private final Plots plots = new Plots();

  private PlotPage() {}

  /** A page with its title as heading. */
  public static PlotPage titled(String title) throws IOException {
    PlotPage page = new PlotPage();
    page.html.append(
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        """);
    page.html
        .append("<title>")
        .append(escape(title))
        .append("</title>\n<style>\n")
        .append(Html.resource(PlotPage.class, "page.css"))
        .append("</style>\n</head>\n<body>\n<h1>")
        .append(escape(title))
        .append("</h1>\n");
    return page;
  }

  /** Where the page's own plots are collected. */
  public Plots plots() {
    return plots;
  }

  /** The page so far, to be written on. */
  StringBuilder html() {
    return html;
  }

  /** A heading of a part. */
  public void heading(String text) {
    html.append("<h2>").append(escape(text)).append("</h2>\n");
  }

  /** A remark. */
  public void remark(String text) {
    html.append("<p class=\"soft\">").append(escape(text)).append("</p>\n");
  }

  /** A table whose first column is names; what follows a {@code ±} is set small. */
  public void table(List<String> heads, List<List<String>> rows) {
    html.append("<div class=\"scroll\"><table>\n<thead><tr>");
    for (int i = 0; i < heads.size(); i++)
      html.append(i == 0 ? "<th class=\"name\">" : "<th>")
          .append(escape(heads.get(i)))
          .append("</th>");
    html.append("</tr></thead>\n<tbody>\n");
    for (List<String> row : rows) {
      html.append("<tr>");
      for (int i = 0; i < row.size(); i++) {
        String cell = row.get(i);
        int cut = cell.indexOf('±') < 0 ? cell.length() : cell.indexOf('±');
        html.append(i == 0 ? "<td class=\"name\">" : "<td>").append(escape(cell.substring(0, cut)));
        if (cut < cell.length())
          html.append("<small>").append(escape(cell.substring(cut))).append("</small>");
        html.append("</td>");
      }
      html.append("</tr>\n");
    }
    html.append("</tbody>\n</table></div>\n");
  }

  /** Plots side by side. */
  public void figures(List<Plots.Chart> charts) {
    html.append("<div class=\"charts\">\n");
    charts.forEach(this::figure);
    html.append("</div>\n");
  }

  void figure(Plots.Chart c) {
    html.append("<figure><figcaption>")
        .append(escape(c.title()))
        .append("<small>")
        .append(escape(c.note()))
        .append("</small></figcaption><div class=\"canvas\"><canvas id=\"")
        .append(c.id())
        .append("\" role=\"img\" aria-label=\"")
        .append(escape(c.title()))
        .append("\"></canvas></div></figure>\n");
  }

  /** The whole page; nothing may be added afterwards. */
  public String finish() throws IOException {
    html.append("<script type=\"application/json\" id=\"data\">")
        .append(plots.toJson())
        .append(
            "</script>\n<noscript><p>The plots need JavaScript; the tables do not.</p></noscript>\n");
    script(Html.charts());
    script(Html.resource(PlotPage.class, "page.js"));
    return html.append("</body>\n</html>\n").toString();
  }

  private void script(String code) {
    html.append("<script>").append(Html.script(code)).append("</script>\n");
  }
}
