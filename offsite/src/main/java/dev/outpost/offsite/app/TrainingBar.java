package dev.outpost.offsite.app;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.train.Progress;
import java.util.Locale;
import java.util.function.BooleanSupplier;

/**
 * Shows a training run: on a terminal one moving line with bar, loss, tokens/s, time left and
 * memory; otherwise a line every tenth of the way; with {@code --json} a JSON line per step.
 */
final class TrainingBar implements Progress {
  private static final int WIDTH = 24;

  private final Console console;
  private final String name;
  private final BooleanSupplier stop;
  private final long start = System.nanoTime();
  private long last;
  private int firstStep = -1;
  private long tokens;
  private double smoothed = Double.NaN;
  private String validation = "";

  TrainingBar(Console console, String name, BooleanSupplier stop) {
    this.console = console;
    this.name = name;
    this.stop = stop;
  }

  @Override
  public void step(Step s) {
    if (firstStep < 0) firstStep = s.step() - 1;
    tokens += s.tokens();
    smoothed = Double.isNaN(smoothed) ? s.loss() : 0.9 * smoothed + 0.1 * s.loss();
    double seconds = (System.nanoTime() - start) / 1e9;
    double rate = tokens / seconds;
    double left = seconds / (s.step() - firstStep) * (s.steps() - s.step());
    if (console.json()) {
      console.emit(
          JsonObject.create()
              .put("event", "step")
              .put("run", name)
              .put("step", s.step())
              .put("steps", s.steps())
              .put("loss", s.loss())
              .put("learning_rate", s.learningRate())
              .put("gradient_norm", s.gradientNorm())
              .put("tokens_per_second", rate)
              .put("workspace_bytes", s.workspaceBytes()));
      return;
    }
    boolean end = s.step() == s.steps();
    long now = System.nanoTime();
    if (console.hasBar() && (end || now - last > 100_000_000L)) {
      console.bar(line(s, rate, left));
      last = now;
    }
    boolean tenth = s.step() * 10L / s.steps() != (s.step() - 1) * 10L / s.steps();
    if (end || (!console.hasBar() && tenth)) console.note(line(s, rate, left));
  }

  /** The line for people; where columns are few the bar gives way first. */
  private String line(Step s, double rate, double left) {
    String head = String.format(Locale.ROOT, "  %-9s ", name);
    String tail =
        String.format(
            Locale.ROOT,
            "%d/%d  loss %.3f%s  %s tok/s  %s  %s",
            s.step(),
            s.steps(),
            smoothed,
            validation,
            count(rate),
            s.step() == s.steps()
                ? "in " + time(elapsed())
                : time(left).replace(" min", "") + " left",
            memory());
    int width = Math.min(WIDTH, console.columns() - head.length() - tail.length() - 1);
    if (width < 4) return head + tail;
    int filled = (int) ((long) width * s.step() / s.steps());
    return head + "━".repeat(filled) + "╌".repeat(width - filled) + " " + tail;
  }

  /** 873, 12.3k, 1.2M. */
  static String count(double rate) {
    if (rate < 999.5) return String.format(Locale.ROOT, "%.0f", rate);
    return rate < 999_950
        ? String.format(Locale.ROOT, "%.1fk", rate / 1e3)
        : String.format(Locale.ROOT, "%.1fM", rate / 1e6);
  }

  private double elapsed() {
    return (System.nanoTime() - start) / 1e9;
  }

  static String time(double seconds) {
    long s = Math.round(seconds);
    return s < 60 ? s + " s" : String.format(Locale.ROOT, "%d:%02d min", s / 60, s % 60);
  }

  static String memory() {
    Runtime r = Runtime.getRuntime();
    long used = r.totalMemory() - r.freeMemory() >> 20;
    return used < 10_000 ? used + " MiB" : (used >> 10) + " GiB";
  }

  @Override
  public void evaluated(int step, double meanLoss, boolean best) {
    validation = String.format(Locale.ROOT, "  val %.2f", Math.exp(meanLoss));
    console.emit(
        JsonObject.create()
            .put("event", "validation")
            .put("run", name)
            .put("step", step)
            .put("loss", meanLoss)
            .put("perplexity", Math.exp(meanLoss))
            .put("best", best));
  }

  @Override
  public boolean stopRequested() {
    return stop.getAsBoolean();
  }
}
