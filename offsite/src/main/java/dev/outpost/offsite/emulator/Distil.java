package dev.outpost.offsite.emulator;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Distils the full middle into what the steps before left of it (Xiao et al. 2023), choosing the
 * best training step by the student's perplexity, as the paper does.
 *
 * @param lmWeight weight of the language-model loss
 * @param kdWeight weight of the hidden-state loss
 * @param training how to train; what it leaves open is the workshop's plan
 */
public record Distil(float lmWeight, float kdWeight, StepTraining training)
    implements EmulatorStep {
  static final String NAME = "distill";

  public Distil {
    if (!(lmWeight >= 0)
        || !(kdWeight >= 0)
        || lmWeight + kdWeight == 0
        || Float.isInfinite(lmWeight + kdWeight))
      throw new IllegalArgumentException(
          "step distill: weights lm and kd must be 0 or more, finite, and not both 0; got "
              + lmWeight
              + " and "
              + kdWeight);
  }

  /** With the paper's weights for language models and the workshop's plan. */
  public static Distil paper() {
    return new Distil(
        Distillation.PAPER_LM_WEIGHT, Distillation.PAPER_KD_WEIGHT, StepTraining.OPEN);
  }

  static Distil read(StepSettings s) {
    return new Distil(
        (float) s.number("lm", 0, 1e6, Distillation.PAPER_LM_WEIGHT),
        (float) s.number("kd", 0, 1e6, Distillation.PAPER_KD_WEIGHT),
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
    TransformerModel student = Distillation.student(draft);
    Distillation objective = new Distillation(draft.split(), lmWeight, kdWeight);
    Map<String, String> identity =
        shop.state() == null
            ? Map.of()
            : Map.of(
                "middle",
                draft.middle().stream().map(s -> s.name()).toList().toString(),
                "lm_weight",
                "" + lmWeight,
                "kd_weight",
                "" + kdWeight,
                "base",
                BaseFingerprint.of(draft.full()).sha256());
    Trainer.Result result =
        new Trainer(student, objective, text, shop.validation(), plan, shop.kernels())
            .run(shop.state(), identity, shop.progress().apply("distil"));
    if (!result.finished()) throw new StoppedException(NAME, result.steps());
    Set<String> middle = draft.middle().stream().map(s -> s.name()).collect(Collectors.toSet());
    return draft.with(
        student.frozen().slots().stream().filter(s -> middle.contains(s.name())).toList());
  }

  @Override
  public JsonObject describe() {
    return training.describe(
        JsonObject.create().put("step", NAME).put("lm", lmWeight).put("kd", kdWeight));
  }
}
