package dev.outpost.offsite.emulator;

import dev.outpost.tensor.io.JsonObject;

/**
 * Distillation by the full model's logits (Hinton et al. 2015): {@code weight·T²·KL}.
 *
 * @param weight 0 for none
 * @param temperature T
 * @param top only the teacher's so many likeliest tokens, whose probabilities are made to sum to 1;
 *     0 for all
 */
public record SoftTargets(float weight, float temperature, int top) {
  /** Without. */
  public static final SoftTargets NONE = new SoftTargets(0, 1, 0);

  public SoftTargets {
    if (!(weight >= 0) || Float.isInfinite(weight))
      throw new IllegalArgumentException(
          "soft targets: the weight must be 0 or more, got " + weight);
    if (!(temperature > 0) || Float.isInfinite(temperature))
      throw new IllegalArgumentException(
          "soft targets: the temperature must be positive, got " + temperature);
    if (top < 0)
      throw new IllegalArgumentException("soft targets: top must be 0 or more, got " + top);
  }

  /** All tokens at temperature 1. */
  public static SoftTargets of(float weight) {
    return new SoftTargets(weight, 1, 0);
  }

  static SoftTargets read(StepSettings s) {
    SoftTargets read =
        new SoftTargets(
            (float) s.number("logits", 0, 1e6, 0),
            (float) s.number("temperature", 1e-3, 1e3, 1),
            s.integer("top", 0, 1 << 20, 0));
    if (read.weight == 0 && (s.has("temperature") || s.has("top")))
      throw s.wrong("logits", "is missing; temperature and top speak of the loss it weighs");
    return read;
  }

  JsonObject describe(JsonObject to) {
    if (weight == 0) return to;
    to.put("logits", weight).put("temperature", temperature);
    if (top > 0) to.put("top", top);
    return to;
  }
}
