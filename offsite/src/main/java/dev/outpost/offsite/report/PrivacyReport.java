package dev.outpost.offsite.report;

import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What an owner gives away with an emulator, and a data owner with an adapter, in figures, and what
 * each figure does not cover, in words.
 *
 * @param utility the five numbers; null without private text
 * @param weights what stands in the package
 * @param likeness how alike the hidden states are
 * @param recovery how far a stranger heals the emulator, with each budget that was tried
 * @param membership attacks on the returned adapters, each view and score
 * @param canaries exposure of planted secrets, before and after tuning
 * @param gradient tokens read off single gradients; empty where it was not tried
 * @param promises what each adapter's manifest promises of differential privacy, by its folder
 */
public record PrivacyReport(
    @Nullable Utility utility,
    WeightsShipped weights,
    HiddenLikeness likeness,
    List<RecoveryProbe> recovery,
    List<MembershipAttack> membership,
    Map<String, List<CanaryExposure>> canaries,
    Optional<GradientProbe> gradient,
    Map<String, JsonObject> promises) {
  public PrivacyReport {
    recovery = List.copyOf(recovery);
    membership = List.copyOf(membership);
    canaries = new LinkedHashMap<>(canaries);
    promises = new LinkedHashMap<>(promises);
  }

  /** All figures. */
  public JsonObject toJson() {
    JsonObject exposed = JsonObject.create();
    canaries.forEach((text, e) ->
        exposed.put(
            text,
            JsonObject.create()
                .put("before", e.getFirst().toJson())
                .put("after", e.stream().skip(1).map(CanaryExposure::toJson).toList())));
    return JsonObject.create()
        .put("report", "privacy")
        .put("five_numbers_nats", utility == null ? null : utility.toJson())
        .put("weights_shipped", weights.toJson())
        .put("cka_of_hidden_states", likeness.toJson())
        .put("recovery_probe", recovery.stream().map(RecoveryProbe::toJson).toList())
        .put("membership_inference", membership.stream().map(m -> m.toJson()).toList())
        .put("canary_exposure", exposed)
        .put("gradient_inversion", gradient.map(GradientProbe::toJson).orElse(null))
        .put("promises", promises);
  }

  /** The page for people. */
  public List<String> lines() {
    List<String> page = new ArrayList<>();
    page.add("PRIVACY REPORT");
    utility(page);
    weights(page);
    likeness(page);
    recovery(page);
    membership(page);
    canaries(page);
    gradient(page);
    promises(page);
    return page;
  }

  private static void title(List<String> page, String title) {
    page.add("");
    page.add(title);
  }

  private static void not(List<String> page, String words) {
    page.add("  Not covered: " + words);
  }

  private void utility(List<String> page) {
    title(page, "Utility and privacy gap, on held-back private text");
    if (utility == null) {
      page.add("  not measured: no private text was given");
      return;
    }
    page.addAll(utility.table());
    not(
        page,
        "other text and other tasks; what the emulator is worth to someone who trains it further (see recovery); data and model were in one place to measure this.");
  }

  private void weights(List<String> page) {
    title(page, "The owner's numbers in the package");
    for (WeightsShipped.Form f : WeightsShipped.Form.values())
      page.add(
          String.format(
              Locale.ROOT,
              "  %-9s %5.1f %% of the full model's parameters",
              f.name().toLowerCase(Locale.ROOT),
              100 * weights.share(f)));
    page.add(String.format(Locale.ROOT, "  energy kept: %.3f", weights.energyKept()));
    long changed =
        weights.tensors().stream().filter(t -> t.form() == WeightsShipped.Form.CHANGED).count();
    page.add(
        changed == 0
            ? "  no tensor is there with other numbers"
            : "  "
                + changed
                + " tensors are there with other numbers; their relative errors are in the JSON");
    not(
        page,
        "rows that are there in another order, or a part of them, count as absent; factors count as their product; what can be computed from those that are there.");
  }

  private void likeness(List<String> page) {
    title(page, "Hidden states, emulator against full model (linear CKA, 1 = alike)");
    likeness
        .bySlot()
        .forEach((slot, v) -> page.add(String.format(Locale.ROOT, "  %-12s %.3f", slot, v)));
    not(
        page,
        "CKA is blind to rotation and scale and led by few strong directions: a low value hides nothing by itself, a high one says that the emulator computes much the same.");
  }

  private void recovery(List<String> page) {
    title(page, "Recovery: the emulator's middle trained on public text by a stranger");
    if (recovery.isEmpty()) {
      page.add("  not tried");
      return;
    }
    for (RecoveryProbe r : recovery)
      page.add(
          String.format(
              Locale.ROOT,
              "  full %.4f, emulator %.4f, healed %.4f nats after %,d tokens (%d steps)%s",
              r.fullLoss(),
              r.emulatorLoss(),
              r.healedLoss(),
              r.tokens(),
              r.steps(),
              r.gap()
                  ? String.format(Locale.ROOT, ": %.1f %% of the gap closed", 100 * r.closed())
                  : ": there was no gap, the emulator is as good as the model"));
    not(
        page,
        "more tokens, a better learning rate, new blocks in the holes, a teacher; a share closed here is the least an attacker gets, not the most.");
  }

  private void membership(List<String> page) {
    title(page, "Membership of a row in the private text, from a returned adapter");
    if (membership.isEmpty()) {
      page.add("  not measured: needs an adapter and the private text");
      return;
    }
    for (MembershipAttack m : membership) page.add(m.line());
    int adapters = membership.getLast().each().size();
    if (adapters > 1)
      page.add(
          "  ± is the standard error over "
              + adapters
              + " adapters; of the control, over rows (Hanley and McNeil)");
    MembershipInference first = membership.getFirst().each().getFirst();
    page.add(
        String.format(
            Locale.ROOT,
            "  %,d rows of the part trained on, %,d held back",
            first.members(),
            first.others()));
    if (!first.enoughForTheRate())
      page.add(
          String.format(
              Locale.ROOT,
              "  a rate of 0.1 %% needs at least 1,000 rows held back; with %,d it is the share above all of them",
              first.others()));
    not(
        page,
        "attacks with shadow models, which are stronger; rows that stand out more than these; a difference of the two kinds of rows that has nothing to do with training shows in the line of the untouched model, which should be 0.5.");
  }

  private void canaries(List<String> page) {
    title(page, "Exposure of planted secrets");
    if (canaries.isEmpty()) {
      page.add("  not measured: plant a text with digits in the private text before tuning");
      return;
    }
    canaries.forEach((text, e) -> {
      page.add("  \"" + text + "\"");
      page.add("    before tuning: " + words(e.getFirst()));
      for (CanaryExposure after : e.subList(1, e.size()))
        page.add("    after tuning:  " + words(after));
    });
    not(
        page,
        "secrets that no digits make, or that stand once among much else; exposure is cut off at the log of the candidates.");
  }

  private static String words(CanaryExposure e) {
    return String.format(
        Locale.ROOT, "%.1f bits, rank %,d of %,d", e.bits(), e.rank(), e.candidates());
  }

  private void gradient(List<String> page) {
    title(page, "Tokens read off the gradient of one row (first block's attention)");
    page.add(
        gradient
            .map(g ->
                String.format(
                    Locale.ROOT,
                    "  %,d of %,d tokens at their very place (%.1f %%), %d rows one by one",
                    g.read(),
                    g.tokens(),
                    100 * g.share(),
                    g.examples()))
            .orElse(
                "  not tried: needs private text, a first block that is adapter, and rows shorter than the model is wide"));
    not(
        page,
        "an adapter after many steps is no gradient of one row: this is what a single step on a single row would tell, as a round of federation with one such step does. Gradients of LoRA, of batches, and noisy ones were not tried.");
  }

  private void promises(List<String> page) {
    title(page, "Differential privacy of the adapters");
    if (promises.isEmpty())
      page.add("  no adapter was tuned with it: nothing above is a bound, all of it is a trial");
    promises.forEach((folder, p) ->
        page.add(
            String.format(
                Locale.ROOT,
                "  %s: epsilon %s at delta %s for %s",
                folder,
                p.value("epsilon"),
                p.value("delta"),
                p.value("protects"))));
  }
}
