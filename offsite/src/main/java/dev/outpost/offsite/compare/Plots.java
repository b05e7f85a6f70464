package dev.outpost.offsite.compare;

import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.List;

/** The plots of a page as data: what {@code page.js} draws. */
public final class Plots {
  private final List<JsonObject> all = new ArrayList<>();

  /** Nothing yet. */
  public Plots() {}

  /** Where a plot goes on the page. */
  public record Chart(String id, String title, String note) {}

  /** Takes a plot of {@link #spec}. */
  public Chart add(String title, String note, JsonObject spec) {
    String id = "chart-" + all.size();
    all.add(spec.put("id", id));
    return new Chart(id, title, note);
  }

  /**
   * A plot.
   *
   * @param kind {@code lines}, {@code spots} or {@code bars}; bars also need {@code labels}
   * @param x what the axis tells
   * @param y what the axis tells
   * @param log whether y is logarithmic
   */
  public static JsonObject spec(
      String kind, String x, String y, boolean log, List<JsonObject> series) {
    return JsonObject.create()
        .put("kind", kind)
        .put("x", x)
        .put("y", y)
        .put("log", log)
        .put("series", series);
  }

  /**
   * One of a plot's series; {@code dashed}, {@code marks}, {@code faint} and others may be put.
   *
   * @param points pairs of x and y, or of bars the heights
   */
  public static JsonObject series(String name, int colour, List<?> points) {
    return JsonObject.create().put("name", name).put("colour", colour).put("points", points);
  }

  /** As a page holds it: no character that could end the script. */
  String toJson() {
    return JsonObject.create()
        .put("charts", all)
        .toLine()
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e");
  }
}
