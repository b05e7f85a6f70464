package dev.outpost.offsite.emulator;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.split.Sandwich;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How an owner makes an emulator: the split, the blocks kept, and the distillation if there is one.
 * Written {@code bottom-keep-top}, as the paper's 2-8-2.
 *
 * @param bottom blocks of the bottom adapter
 * @param keep middle blocks the emulator keeps
 * @param top blocks of the top adapter
 */
public record EmulatorRecipe(int bottom, int keep, int top) {
  public EmulatorRecipe {
    if (keep < 1)
      throw new IllegalArgumentException(
          "split: must keep at least one middle block, got " + bottom + "-" + keep + "-" + top);
  }

  /** Reads {@code 2-8-2}. */
  public static EmulatorRecipe parse(String text) {
    String[] parts = text.split("-", -1);
    try {
      if (parts.length == 3)
        return new EmulatorRecipe(
            Integer.parseInt(parts[0]), Integer.parseInt(parts[1]), Integer.parseInt(parts[2]));
    } catch (NumberFormatException e) {
      // told below
    }
    throw new IllegalArgumentException(
        "split: must read BOTTOM-EMULATOR-TOP in blocks, such as 2-8-2, got \"" + text + "\"");
  }

  /** The split of a model. */
  public Sandwich split(TransformerModel full) {
    return Sandwich.of(full, bottom, top);
  }

  /**
   * The emulator before distillation: the full model with the middle thinned. Shares all numbers.
   */
  public TransformerModel drop(TransformerModel full) {
    Sandwich s = split(full);
    if (keep > s.middle().size())
      throw new IllegalArgumentException(
          "split: "
              + this
              + " keeps "
              + keep
              + " middle blocks, but a model of "
              + full.slots().size()
              + " blocks has only "
              + s.middle().size()
              + " between its adapters");
    return full.withSlots(s.around(new LayerDrop(keep).apply(s.middle())));
  }

  /**
   * Distils the thinned middle against the full one (Xiao et al. 2023). The result has only frozen
   * parameters.
   *
   * @param validation chooses the best step by the student's perplexity, as the paper does
   */
  public TransformerModel distil(
      TransformerModel full,
      Blocks train,
      @Nullable Blocks validation,
      TrainingPlan plan,
      float lmWeight,
      float kdWeight,
      Kernels kernels,
      Progress progress) {
    try {
      return distil(full, train, validation, plan, lmWeight, kdWeight, kernels, null, progress)
          .model();
    } catch (IOException e) {
      throw new UncheckedIOException("no file is written without a folder", e);
    }
  }

  /**
   * What distillation gives.
   *
   * @param model adapter and emulator, everything frozen
   * @param result how the run ended; unless finished, the model is half-made
   */
  public record Distilled(TransformerModel model, Trainer.Result result) {}

  /**
   * Distils as above, keeping the run in a folder, from which it resumes.
   *
   * @param state null keeps nothing
   * @throws dev.outpost.tensor.io.FormatException when the folder holds a run with other settings
   *     or of another model
   */
  public Distilled distil(
      TransformerModel full,
      Blocks train,
      @Nullable Blocks validation,
      TrainingPlan plan,
      float lmWeight,
      float kdWeight,
      Kernels kernels,
      @Nullable Path state,
      Progress progress)
      throws IOException {
    Sandwich s = split(full);
    List<Slot> thinned = new LayerDrop(keep).apply(s.middle());
    TransformerModel student = Distillation.student(full, s, thinned);
    Distillation objective =
        new Distillation(s.middle(), bottom, thinned.size(), lmWeight, kdWeight);
    Map<String, String> identity =
        state == null
            ? Map.of()
            : Map.of(
                "split",
                toString(),
                "lm_weight",
                "" + lmWeight,
                "kd_weight",
                "" + kdWeight,
                "base",
                BaseFingerprint.of(full).sha256());
    Trainer.Result result =
        new Trainer(student, objective, train, validation, plan, kernels)
            .run(state, identity, progress);
    return new Distilled(student.frozen(), result);
  }

  /** What a manifest says of an emulator that was only thinned. */
  public JsonObject describe() {
    return JsonObject.create().put("split", toString()).put("steps", List.of("layer-drop"));
  }

  /** What a manifest says of an emulator that was thinned and distilled. */
  public JsonObject describeDistilled(TrainingPlan plan, float lmWeight, float kdWeight) {
    return describe()
        .put("steps", List.of("layer-drop", "distill"))
        .put("lm_weight", lmWeight)
        .put("kd_weight", kdWeight)
        .put("distill_steps", plan.steps())
        .put("distill_lr", plan.learningRate());
  }

  /** {@code 2-8-2}. */
  @Override
  public String toString() {
    return bottom + "-" + keep + "-" + top;
  }
}
