package dev.outpost.offsite.emulator;

import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.util.Collections;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Replaces chosen blocks of the middle by fresh harmonizers and trains these, no ranking needed.
 *
 * @param blocks their indices in the full model
 * @param rank r_h of the harmonizers
 * @param training what they learn from
 */
public record Harmonize(Set<Integer> blocks, int rank, HarmonizerTraining training)
    implements EmulatorStep {
  static final String NAME = "harmonizer";

  public Harmonize {
    blocks = Collections.unmodifiableSet(new TreeSet<>(blocks));
    if (blocks.isEmpty())
      throw new IllegalArgumentException(
          "step harmonizer: blocks is missing; name at least one, such as blocks=5+9");
  }

  static Harmonize read(StepSettings s) {
    return new Harmonize(
        new TreeSet<>(s.integers("blocks", 0)),
        s.integer("rank", 1, 1 << 16, Harmonizer.MEDIUM_RANK),
        HarmonizerTraining.read(s, HarmonizerTraining.Loss.LM));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean needsText() {
    return training.needsText();
  }

  @Override
  public Draft apply(Draft draft, Workshop shop) throws IOException, StoppedException {
    TreeMap<Integer, Harmonizer> fresh = new TreeMap<>();
    for (int i : blocks)
      fresh.put(i, Harmonizer.fresh("blocks." + i, draft.full().spec().width(), rank, shop.seed()));
    return training.place(this, draft, fresh, shop);
  }

  @Override
  public JsonObject describe() {
    return training.describe(
        JsonObject.create()
            .put("step", NAME)
            .put("blocks", java.util.List.copyOf(blocks))
            .put("rank", rank));
  }
}
