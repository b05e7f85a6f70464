package dev.outpost.offsite.emulator;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Slot;
import java.util.ArrayList;
import java.util.List;

/**
 * Uniform layer drop (Xiao et al. 2023, released utils.py): of m middle blocks keep k, {@code idx_i
 * = round(i·(m−1)/(k−1))} with Python's round-half-to-even, so the first and the last are always
 * kept. (FederatedScope floors instead and keeps other layers.)
 *
 * @param keep k ≥ 1 blocks to keep; with k = 1 only the first, as the formula's limit i = 0 says
 */
public record LayerDrop(int keep) implements EmulatorStep {
  static final String NAME = "layer-drop";

  public LayerDrop {
    if (keep < 1)
      throw new IllegalArgumentException(
          "step layer-drop: must keep at least one block, got " + keep);
  }

  /** Positions kept of m blocks, ascending. */
  public static int[] indices(int m, int k) {
    if (k < 1 || k > m)
      throw new IllegalArgumentException(
          "step layer-drop: cannot keep " + k + " of " + m + " middle blocks; choose 1 to " + m);
    int[] kept = new int[k];
    double stride = k == 1 ? 0 : (m - 1.0) / (k - 1.0);
    for (int i = 0; i < k; i++) kept[i] = (int) Math.rint(i * stride);
    return kept;
  }

  static LayerDrop read(StepSettings settings) {
    return new LayerDrop(settings.integer("keep", 1, 1 << 20));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Draft apply(Draft draft, Workshop shop) {
    return draft.with(apply(draft.middle()));
  }

  /** The middle thinned. */
  public List<Slot> apply(List<Slot> middle) {
    List<Slot> kept = new ArrayList<>();
    for (int i : indices(middle.size(), keep)) kept.add(middle.get(i));
    return kept;
  }

  @Override
  public JsonObject describe() {
    return JsonObject.create().put("step", NAME).put("keep", keep);
  }
}
