package dev.outpost.offsite.emulator;

import dev.outpost.offsite.split.SplitPlan;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.TransformerModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How an owner makes an emulator: the split, and the steps in their order.
 *
 * <p>As a file: {@code {"split": "2-2", "steps": [{"step": "layer-drop", "keep": 8}, {"step":
 * "distill"}]}}. In place of split, {@code {"scaleot": "4,0.25,0.8", "ranking": "DIR", "adapters":
 * "ends"}} stands for a {@link ScaleOt}'s split and steps.
 */
public record EmulatorRecipe(SplitPlan split, List<EmulatorStep> steps) {
  public EmulatorRecipe {
    steps = List.copyOf(steps);
  }

  /**
   * Reads a split, {@code 2-2} or {@code 0,1,10,11}, or the paper's {@code 2-8-2}, which is a split
   * and a layer drop.
   */
  public static EmulatorRecipe parse(String text) {
    String[] parts = text.split("-", -1);
    if (parts.length == 3) {
      try {
        return new EmulatorRecipe(
            SplitPlan.sandwich(Integer.parseInt(parts[0]), Integer.parseInt(parts[2])),
            List.of(new LayerDrop(Integer.parseInt(parts[1]))));
      } catch (NumberFormatException e) {
        // told by the plan
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("split: \"" + text + "\": " + e.getMessage(), e);
      }
    }
    return new EmulatorRecipe(SplitPlan.parse(text), List.of());
  }

  /** Reads a recipe file. */
  public static EmulatorRecipe read(Path file) throws IOException {
    return of(JsonObject.read(file), file.toString());
  }

  /**
   * What a recipe file holds, from wherever it is.
   *
   * @param place named in errors
   * @throws FormatException naming the place, the field and the rule
   * @throws IOException when a ranking that the recipe names cannot be read
   */
  public static EmulatorRecipe of(JsonObject json, String place) throws IOException {
    for (String field : json.names())
      if (!List.of("split", "steps", "seed", "scaleot", "ranking", "adapters").contains(field))
        throw json.wrong(field, "is unknown; a recipe has split or scaleot, and steps");
    try {
      EmulatorRecipe recipe =
          json.has("scaleot") ? scaleOt(json).recipe() : parse(json.string("split"));
      for (JsonObject step : json.has("steps") ? json.objects("steps") : List.<JsonObject>of())
        recipe = recipe.then(EmulatorSteps.read(StepSettings.of(step)));
      return recipe;
    } catch (IllegalArgumentException e) {
      throw new FormatException(place + ": " + e.getMessage());
    }
  }

  private static ScaleOt scaleOt(JsonObject json) throws FormatException {
    if (json.has("split")) throw json.wrong("split", "says what scaleot says; leave one out");
    String adapters = json.optionalString("adapters").orElse("ends");
    if (!List.of("ends", "top").contains(adapters))
      throw json.wrong("adapters", "must be ends or top, got \"" + adapters + "\"");
    return ScaleOt.parse(
        json.string("scaleot"),
        Path.of(json.string("ranking")),
        adapters.equals("top") ? ScaleOt.Where.TOP : ScaleOt.Where.ENDS);
  }

  /** The same with one more step. */
  public EmulatorRecipe then(EmulatorStep step) {
    List<EmulatorStep> more = new ArrayList<>(steps);
    more.add(step);
    return new EmulatorRecipe(split, more);
  }

  /** The same with every step bound to the files that it reads: see {@link EmulatorStep#pinned}. */
  public EmulatorRecipe pinned() throws IOException {
    List<EmulatorStep> bound = new ArrayList<>();
    for (EmulatorStep step : steps) bound.add(step.pinned());
    return new EmulatorRecipe(split, bound);
  }

  /** Whether a step reads public text. */
  public boolean needsText() {
    return steps.stream().anyMatch(EmulatorStep::needsText);
  }

  /** Makes the emulator: everything frozen, the full model unchanged. */
  public Draft make(TransformerModel full, Workshop shop) throws IOException, StoppedException {
    Draft draft = Draft.of(full, split.of(full));
    if (draft.middle().isEmpty() && !steps.isEmpty())
      throw new IllegalArgumentException(
          "split: all "
              + full.slots().size()
              + " blocks are the adapter, so step "
              + steps.getFirst().name()
              + " has nothing to work on; choose fewer, or no step");
    for (int i = 0; i < steps.size(); i++)
      draft = steps.get(i).apply(draft, shop.inside(i + "-" + steps.get(i).name()));
    return draft;
  }

  /** What a manifest says of the emulator, and what {@link #read} reads. */
  public JsonObject describe() {
    return JsonObject.create()
        .put("split", split.toString())
        .put("steps", steps.stream().map(EmulatorStep::describe).toList());
  }

  /** {@code 2-2, layer-drop, distill}. */
  @Override
  public String toString() {
    StringBuilder s = new StringBuilder(split.toString());
    for (EmulatorStep step : steps) s.append(", ").append(step.name());
    return s.toString();
  }
}
