package dev.outpost.offsite.emulator;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Measure;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Distils the full middle into what the steps before left of it (Xiao et al. 2023).
 *
 * @param lmWeight weight of the language-model loss
 * @param kdWeight weight of the hidden-state loss
 * @param soft weight, temperature and width of the logits' loss
 * @param select what chooses the best training step
 * @param cached whether what the full model says is written to the workshop's folder first
 * @param training how to train; what it leaves open is the workshop's plan
 */
public record Distil(
    float lmWeight,
    float kdWeight,
    SoftTargets soft,
    Selection select,
    boolean cached,
    StepTraining training)
    implements EmulatorStep {
  static final String NAME = "distill";

  /** What is measured on the held-back text; the step where it is lowest wins. */
  public enum Selection {
    /** The student's perplexity: the paper's language models. */
    PPL,
    /** The distillation losses without the language model's: as the paper's image models. */
    KD
  }

  public Distil {
    if (!(lmWeight >= 0)
        || !(kdWeight >= 0)
        || lmWeight + kdWeight + soft.weight() == 0
        || Float.isInfinite(lmWeight + kdWeight))
      throw new IllegalArgumentException(
          "step distill: weights lm and kd must be 0 or more, finite, and not both 0; got "
              + lmWeight
              + " and "
              + kdWeight);
    if (select == Selection.KD && kdWeight + soft.weight() == 0)
      throw new IllegalArgumentException(
          "step distill: select=kd needs kd or logits above 0; there is no such loss otherwise");
    if (cached && kdWeight + soft.weight() == 0)
      throw new IllegalArgumentException(
          "step distill: cache=true needs kd or logits above 0; nothing asks the full model otherwise");
  }

  /** The paper's losses and selection. */
  public Distil(float lmWeight, float kdWeight, StepTraining training) {
    this(lmWeight, kdWeight, SoftTargets.NONE, Selection.PPL, false, training);
  }

  /** With the paper's weights for language models and the workshop's plan. */
  public static Distil paper() {
    return new Distil(
        Distillation.PAPER_LM_WEIGHT, Distillation.PAPER_KD_WEIGHT, StepTraining.OPEN);
  }

  /** The same with the full model's words written down first, or not. */
  public Distil cached(boolean on) {
    return new Distil(lmWeight, kdWeight, soft, select, on, training);
  }

  static Distil read(StepSettings s) {
    return new Distil(
        (float) s.number("lm", 0, 1e6, Distillation.PAPER_LM_WEIGHT),
        (float) s.number("kd", 0, 1e6, Distillation.PAPER_KD_WEIGHT),
        SoftTargets.read(s),
        s.choice("select", "ppl", "ppl", "kd").equals("kd") ? Selection.KD : Selection.PPL,
        s.flag("cache", false),
        StepTraining.read(s));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean needsText() {
    return true;
  }

  @Override
  public Draft apply(Draft draft, Workshop shop) throws IOException, StoppedException {
    Examples text = shop.text(this);
    TrainingPlan plan = training.over(shop.plan());
    String base = shop.state() == null ? "" : BaseFingerprint.of(draft.full()).sha256();
    try (Lessons train = lessons(draft, shop, plan, base, text);
        Lessons held = lessons(draft, shop, plan, base, heldBack(shop))) {
      Distillation objective = new Distillation(draft.split(), lmWeight, kdWeight, soft, train);
      Map<String, String> identity =
          base.isEmpty() ? new HashMap<>() : objective.identity(draft, base);
      if (select != Selection.PPL) identity.put("select", select.name());
      return objective.train(
          draft,
          train == null ? text : train,
          held == null ? shop.validation() : held,
          select == Selection.PPL
              ? Measure.perplexity()
              : Measure.of(new Distillation(draft.split(), 0, kdWeight, soft, held)),
          plan,
          shop,
          identity,
          "distil");
    }
  }

  /** The validation text where the full model is asked about it. */
  private @Nullable Examples heldBack(Workshop shop) {
    return select == Selection.KD ? shop.validation() : null;
  }

  private @Nullable Lessons lessons(
      Draft draft, Workshop shop, TrainingPlan plan, String base, @Nullable Examples text)
      throws IOException {
    if (!cached || text == null) return null;
    if (shop.state() == null)
      throw new IllegalArgumentException(
          "step distill: cache=true needs a folder to write to; give the workshop a state");
    int runs = draft.split().segments(draft.split().middle()).size();
    if (kdWeight > 0 && runs > 1)
      throw new IllegalArgumentException(
          "step distill: cache=true needs a middle in one piece, this split leaves "
              + runs
              + ": what the later ones should say depends on the student; leave cache out, or kd=0");
    return Lessons.of(
        shop.state(),
        base,
        draft.full(),
        draft.split(),
        text,
        Lessons.Content.of(draft.full(), kdWeight, soft),
        plan.batch(),
        shop.kernels());
  }

  @Override
  public JsonObject describe() {
    JsonObject json = JsonObject.create().put("step", NAME).put("lm", lmWeight).put("kd", kdWeight);
    soft.describe(json);
    if (select != Selection.PPL) json.put("select", select.name().toLowerCase(Locale.ROOT));
    if (cached) json.put("cache", true);
    return training.describe(json);
  }
}
