package dev.outpost.offsite.emulator;

import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Slot;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Keeps chosen blocks of the middle.
 *
 * @param blocks their indices in the full model
 */
public record LayerKeep(Set<Integer> blocks) implements EmulatorStep {
  static final String NAME = "layer-keep";

  public LayerKeep {
    blocks = Collections.unmodifiableSet(new TreeSet<>(blocks));
    if (blocks.isEmpty())
      throw new IllegalArgumentException(
          "step layer-keep: blocks is missing; name at least one, such as blocks=5+9");
  }

  static LayerKeep read(StepSettings settings) {
    return new LayerKeep(new TreeSet<>(settings.integers("blocks", 0)));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Draft apply(Draft draft, Workshop shop) {
    Set<Integer> left = new TreeSet<>(blocks);
    List<Slot> kept = draft.middle().stream().filter(s -> left.remove(Split.index(s))).toList();
    if (!left.isEmpty())
      throw new IllegalArgumentException(
          "step layer-keep: the middle has no blocks "
              + left
              + "; it has "
              + draft.middle().stream().map(Slot::name).toList());
    return draft.with(kept);
  }

  @Override
  public JsonObject describe() {
    return JsonObject.create().put("step", NAME).put("blocks", List.copyOf(blocks));
  }
}
