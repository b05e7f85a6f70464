package dev.outpost.offsite.app;

import dev.outpost.offsite.bench.Bench;
import dev.outpost.offsite.bench.Row;
import java.util.Locale;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** Results as they come, in columns: each kind under its own heading. */
final class BenchTable {
  private final Console console;
  private Bench.@Nullable Kind shown;

  BenchTable(Console console) {
    this.console = console;
  }

  void show(Row row) {
    if (row.kind() != shown) heading(row.kind());
    shown = row.kind();
    console.say(
        String.format(
                Locale.ROOT,
                "%-40s %-15s %3d %9s %9s %9s %-8s %s",
                row.name(),
                row.shape(),
                row.threads(),
                number(row.rate().median()),
                number(row.rate().best()),
                number(row.rate().worst()),
                row.unit(),
                last(row))
            .stripTrailing());
  }

  private void heading(Bench.Kind kind) {
    if (shown != null) console.say("");
    console.say(
        String.format(
            Locale.ROOT,
            "%-40s %-15s %3s %9s %9s %9s %-8s %s",
            kind.word(),
            "shape",
            "thr",
            "median",
            "best",
            "worst",
            "",
            switch (kind) {
              case KERNELS -> "of peak or bandwidth";
              case STEP, PAPER -> "live     resident  allocated per step";
              case DECODE -> "GB/s of weights, of bandwidth";
            }));
  }

  private static String last(Row row) {
    OptionalDouble share = row.share();
    return switch (row.kind()) {
      case KERNELS -> percent(share);
      case STEP, PAPER ->
          String.format(
              Locale.ROOT,
              "%-8s %-9s %s",
              bytes(row, "peak_bytes"),
              bytes(row, "peak_rss_bytes"),
              bytes(row, "allocated_bytes_per_step"));
      case DECODE ->
          row.details().get("gigabytes_per_second") instanceof Double rate
              ? String.format(Locale.ROOT, "%.1f  %s", rate, percent(share))
              : "";
    };
  }

  private static String percent(OptionalDouble share) {
    return share.isEmpty() ? "" : String.format(Locale.ROOT, "%.0f %%", 100 * share.getAsDouble());
  }

  private static String bytes(Row row, String field) {
    if (!(row.details().get(field) instanceof Long n)) return "-";
    if (n < 10_000) return n + " B";
    if (n < 10_000_000) return n / 1000 + " kB";
    return n / 1_000_000 + " MB";
  }

  /** Three significant digits, or all of a large number. */
  private static String number(double x) {
    return String.format(Locale.ROOT, x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : "%.2f", x);
  }
}
