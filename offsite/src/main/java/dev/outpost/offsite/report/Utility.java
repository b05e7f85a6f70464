package dev.outpost.offsite.report;

import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The five numbers where several adapters were tuned, as losses in nats per token on held-back
 * private text, and the two gaps: what the plug-in gains over the untouched model (utility), and
 * over what the data owner holds (privacy; its absence means that the emulator was as good as the
 * model).
 *
 * @param fullZeroShot [A, E]
 * @param emulatorZeroShot [A, E*]
 * @param emulatorTuned [A', E*] of each adapter
 * @param plugIn [A', E] of each adapter
 * @param fullFineTuned all blocks tuned; NaN where it was not measured
 */
public record Utility(
    double fullZeroShot,
    double emulatorZeroShot,
    List<Double> emulatorTuned,
    List<Double> plugIn,
    double fullFineTuned) {
  /**
   * A mean and its standard error, which is NaN of fewer than two.
   *
   * @param mean of the values
   * @param error standard deviation by n−1, over √n
   */
  public record Mean(double mean, double error) {
    static Mean of(double[] values) {
      double mean = Arrays.stream(values).average().orElse(Double.NaN);
      double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
      int n = values.length;
      return new Mean(mean, n < 2 ? Double.NaN : Math.sqrt(squares / (n - 1) / n));
    }

    JsonObject toJson() {
      return JsonObject.create()
          .put("mean", number(mean))
          .put("standard_error", number(error))
          .put("perplexity", number(Math.exp(mean)));
    }

    @Override
    public String toString() {
      return Double.isNaN(error)
          ? String.format(Locale.ROOT, "%.4f", mean)
          : String.format(Locale.ROOT, "%.4f ± %.4f", mean, error);
    }
  }

  public Utility {
    emulatorTuned = List.copyOf(emulatorTuned);
    plugIn = List.copyOf(plugIn);
    if (emulatorTuned.size() != plugIn.size())
      throw new IllegalArgumentException("report: each adapter has one number of each kind");
  }

  private static @Nullable Double number(double v) {
    return Double.isNaN(v) ? null : v;
  }

  private static Mean mean(List<Double> values) {
    return Mean.of(values.stream().mapToDouble(v -> v).toArray());
  }

  /** Full zero-shot minus plug-in, nats: above 0 the plug-in is better. */
  public Mean utilityGap() {
    return Mean.of(plugIn.stream().mapToDouble(p -> fullZeroShot - p).toArray());
  }

  /** Emulator tuned minus plug-in, nats: above 0 the plug-in is better. */
  public Mean privacyGap() {
    double[] gaps = new double[plugIn.size()];
    Arrays.setAll(gaps, i -> emulatorTuned.get(i) - plugIn.get(i));
    return Mean.of(gaps);
  }

  /** Lines of a table. */
  List<String> table() {
    List<String> lines = new ArrayList<>();
    lines.add("  setting              weights     nats per token    perplexity");
    lines.add(row("full zero-shot", "[A , E ]", new Mean(fullZeroShot, Double.NaN)));
    lines.add(row("emulator zero-shot", "[A , E*]", new Mean(emulatorZeroShot, Double.NaN)));
    if (!plugIn.isEmpty()) {
      lines.add(row("emulator tuned", "[A', E*]", mean(emulatorTuned)));
      lines.add(row("plug-in", "[A', E ]", mean(plugIn)));
    }
    if (!Double.isNaN(fullFineTuned))
      lines.add(row("full fine-tuned", "all tuned", new Mean(fullFineTuned, Double.NaN)));
    if (plugIn.isEmpty()) return lines;
    lines.add("");
    lines.add("  utility gap (full zero-shot − plug-in): " + utilityGap() + " nats");
    lines.add("  privacy gap (emulator tuned − plug-in): " + privacyGap() + " nats");
    lines.add(
        plugIn.size() < 2
            ? "  one adapter: no spread over seeds; give several --adapter, tuned with other seeds"
            : "  ± is the standard error over " + plugIn.size() + " adapters");
    return lines;
  }

  private static String row(String setting, String weights, Mean m) {
    return String.format(
        Locale.ROOT, "  %-20s %-9s %18s %12.2f", setting, weights, m, Math.exp(m.mean()));
  }

  /** The numbers under their usual names. */
  public JsonObject toJson() {
    JsonObject json =
        JsonObject.create()
            .put("full_zero_shot", fullZeroShot)
            .put("emulator_zero_shot", emulatorZeroShot)
            .put("full_fine_tuned", number(fullFineTuned));
    if (plugIn.isEmpty()) return json;
    return json.put("emulator_tuned", mean(emulatorTuned).toJson())
        .put("plug_in", mean(plugIn).toJson())
        .put("utility_gap", utilityGap().toJson().without("perplexity"))
        .put("privacy_gap", privacyGap().toJson().without("perplexity"))
        .put("adapters", plugIn.size());
  }
}
