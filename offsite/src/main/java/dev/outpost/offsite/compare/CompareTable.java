package dev.outpost.offsite.compare;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Results as lines of text: mean ± standard error over seeds. */
public final class CompareTable {
  private CompareTable() {}

  /** A table per model and task; empty without finished cells. */
  public static List<String> lines(List<JsonObject> results) throws FormatException {
    List<String> out = new ArrayList<>();
    String group = "";
    for (Summary s : Summary.of(results)) {
      String title = s.model() + ", " + s.task() + ": " + s.metric();
      if (!title.equals(group)) {
        if (!group.isEmpty()) out.add("");
        out.add(title + (s.perplexity() ? " (lower is better)" : " (%, higher is better)"));
        out.add(
            String.format(
                Locale.ROOT,
                "  %-28s %-10s %5s  %-15s %-15s %-15s %-15s %-15s  %-16s %s",
                "recipe",
                "method",
                "seeds",
                "full ZS",
                "emulator ZS",
                "emulator FT",
                "plug-in",
                "full FT",
                "plug-in − em. FT",
                "plug-in − full ZS"));
        group = title;
      }
      StringBuilder row = new StringBuilder();
      for (String setting : Summary.SETTINGS)
        row.append(String.format(Locale.ROOT, " %-15s", text(s, s.mean(setting))));
      out.add(
          String.format(
              Locale.ROOT,
              "  %-28s %-10s %5d %s  %-16s %s",
              s.recipe(),
              s.method(),
              s.cells().size(),
              row,
              gain(s, "emulator_tuned"),
              gain(s, "full_zero_shot")));
    }
    return out;
  }

  /** {@code 36.02 ± 0.11}; shares in percent. */
  static String text(Summary s, Summary.Mean m) throws FormatException {
    double factor = s.perplexity() ? 1 : 100;
    return String.format(
        Locale.ROOT, "%.2f ± %.2f", factor * m.value(), factor * m.standardError());
  }

  /** What the plug-in gains on another setting. */
  static String gain(Summary s, String over) throws FormatException {
    Summary.Mean m = s.gain("plug_in", over);
    // A single seed tells nothing of the spread, and a cell keeps no error of a difference.
    if (s.cells().size() < 2)
      return String.format(Locale.ROOT, s.perplexity() ? "%+.3f ± ?" : "%+.1f ± ?", m.value());
    return String.format(
        Locale.ROOT,
        s.perplexity() ? "%+.3f ± %.3f" : "%+.1f ± %.1f",
        m.value(),
        m.standardError());
  }
}
