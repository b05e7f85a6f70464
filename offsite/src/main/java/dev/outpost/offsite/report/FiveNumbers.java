package dev.outpost.offsite.report;

import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The five settings of offsite-tuning (Xiao et al. 2023, section 4) as perplexities on the data
 * owner's validation text; lower is better.
 *
 * @param fullZeroShot [A, E]: the owner's model, untouched
 * @param emulatorZeroShot [A, E*]: what the data owner receives, untouched
 * @param emulatorTuned [A', E*]: what the data owner has after tuning
 * @param plugIn [A', E]: the tuned adapter in the owner's model
 * @param fullFineTuned every block of the full model tuned on the data: the bound that needs both
 *     secrets in one place
 */
public record FiveNumbers(
    double fullZeroShot,
    double emulatorZeroShot,
    double emulatorTuned,
    double plugIn,
    double fullFineTuned) {
  /**
   * Whether the numbers stand in the order the method promises: emulator zero-shot, emulator tuned,
   * plug-in falling, and plug-in better than the untouched model.
   */
  public boolean inOrder() {
    return emulatorZeroShot > emulatorTuned && emulatorTuned > plugIn && fullZeroShot > plugIn;
  }

  /**
   * How much of full fine-tuning's gain the plug-in reaches: 1 is all of it, 0 none; meaningless
   * when fine-tuning gained nothing.
   */
  public double shareOfFineTuning() {
    return (Math.log(fullZeroShot) - Math.log(plugIn))
        / (Math.log(fullZeroShot) - Math.log(fullFineTuned));
  }

  /** The numbers as a table with the gaps in words, one line each. */
  public List<String> table() {
    List<String> lines = new ArrayList<>();
    lines.add("  setting              weights   perplexity   who can measure it");
    lines.add(row("full zero-shot", "[A , E ]", fullZeroShot, "owner"));
    lines.add(row("emulator zero-shot", "[A , E*]", emulatorZeroShot, "data owner, before tuning"));
    lines.add(row("emulator tuned", "[A', E*]", emulatorTuned, "data owner, after tuning"));
    lines.add(row("plug-in", "[A', E ]", plugIn, "owner, with the adapter back"));
    lines.add(
        row(
            "full fine-tuned",
            "all tuned",
            fullFineTuned,
            "nobody: needs model and data in one place"));
    lines.add("");
    lines.add(gap("utility: the plug-in is better than the untouched model", fullZeroShot, plugIn));
    lines.add(
        gap(
            "protection: the plug-in is better than what the data owner holds",
            emulatorTuned,
            plugIn));
    lines.add(cost());
    return lines;
  }

  private static String row(String setting, String weights, double ppl, String who) {
    return String.format(Locale.ROOT, "  %-20s %-9s %10.2f   %s", setting, weights, ppl, who);
  }

  private static String gap(String what, double from, double to) {
    double percent = 100 * (from - to) / from;
    return String.format(
        Locale.ROOT,
        "  %s: %.2f → %.2f (%+.1f %%)%s",
        what,
        from,
        to,
        -percent,
        to < from ? "" : "  — NOT REACHED in this run");
  }

  private String cost() {
    if (!(fullFineTuned < fullZeroShot))
      return String.format(
          Locale.ROOT,
          "  cost: full fine-tuning reached %.2f and so did not improve the untouched model; there is no gain to compare with",
          fullFineTuned);
    return String.format(
        Locale.ROOT,
        "  cost: full fine-tuning would reach %.2f; the plug-in gets %.0f %% of its gain (in log-perplexity)",
        fullFineTuned,
        100 * shareOfFineTuning());
  }

  /** The numbers under their usual names. */
  public JsonObject toJson() {
    return JsonObject.create()
        .put("full_zero_shot", fullZeroShot)
        .put("emulator_zero_shot", emulatorZeroShot)
        .put("emulator_tuned", emulatorTuned)
        .put("plug_in", plugIn)
        .put("full_fine_tuned", fullFineTuned);
  }
}
