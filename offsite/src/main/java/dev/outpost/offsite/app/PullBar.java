package dev.outpost.offsite.app;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.hub.PullProgress;
import java.util.Locale;

/**
 * Shows a download: on a terminal one moving line with bar, bytes, rate and time left; otherwise a
 * line per file; with {@code --json} a JSON line per file.
 */
final class PullBar implements PullProgress {
  private static final int WIDTH = 24;

  private final Console console;
  private final String name;
  private long start;
  private long last;
  private long total;
  private long here;
  private long came;
  private int files;
  private int done;

  PullBar(Console console, String name) {
    this.console = console;
    this.name = name;
  }

  @Override
  public void planned(int count, long bytes, long present) {
    start = System.nanoTime();
    files = count;
    total = bytes;
    here = present;
    console.note(
        name
            + ": "
            + count
            + " files, "
            + size(bytes)
            + (present == 0 ? "" : ", " + size(present) + " are here already"));
    console.emit(
        JsonObject.create()
            .put("event", "planned")
            .put("files", count)
            .put("bytes", bytes)
            .put("present_bytes", present));
  }

  @Override
  public void received(long bytes) {
    here += bytes;
    came += Math.max(0, bytes);
    long now = System.nanoTime();
    if (!console.hasBar() || now - last < 100_000_000L) return;
    console.bar(line((now - start) / 1e9));
    last = now;
  }

  /** Where columns are few the bar gives way first. */
  private String line(double seconds) {
    double rate = came / Math.max(seconds, 1e-3);
    double left = (total - here) / Math.max(rate, 1);
    String head = "  " + done + "/" + files + " ";
    String tail =
        String.format(
            Locale.ROOT,
            "%s of %s  %s/s  %s left",
            size(here),
            size(total),
            size((long) rate),
            TrainingBar.time(left).replace(" min", ""));
    int width = Math.min(WIDTH, console.columns() - head.length() - tail.length() - 1);
    if (width < 4) return head + tail;
    int filled = total == 0 ? width : (int) Math.clamp(width * here / (double) total, 0, width);
    return head + "━".repeat(filled) + "╌".repeat(width - filled) + " " + tail;
  }

  @Override
  public void completed(String file) {
    done++;
    console.note("  " + file);
    console.emit(JsonObject.create().put("event", "file").put("file", file));
  }

  @Override
  public void waiting(String reason) {
    console.note("  " + reason);
  }

  /** 873 B, 12.3 kB, 1.2 GB; powers of ten, as hubs count. */
  static String size(long bytes) {
    if (bytes < 1000) return bytes + " B";
    double n = bytes;
    String unit = "";
    for (String u : new String[] {"k", "M", "G", "T", "P"}) {
      n /= 1000;
      unit = u;
      if (n < 999.95) break;
    }
    return String.format(Locale.ROOT, "%.1f %sB", n, unit);
  }
}
