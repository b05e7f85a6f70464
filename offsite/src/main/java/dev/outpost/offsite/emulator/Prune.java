package dev.outpost.offsite.emulator;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.Rounding;
import dev.outpost.tensor.weight.Weight;
import java.util.Arrays;

/**
 * Magnitude pruning (Xiao et al. 2023, released utils.py): in every matrix, numbers smaller than
 * the k-th smallest magnitude become 0, {@code k = ⌊ratio·size⌋}; so k − 1 of them where no two are
 * equal, and none for k = 0. Zeros take as much room as before.
 *
 * @param ratio in [0, 1]
 * @param targets the matrices
 */
public record Prune(double ratio, Targets targets) implements EmulatorStep {
  static final String NAME = "prune";

  public Prune {
    if (!(ratio >= 0 && ratio <= 1))
      throw new IllegalArgumentException("step prune: ratio must be from 0 to 1, got " + ratio);
  }

  static Prune read(StepSettings s) {
    if (!s.has("ratio")) throw s.wrong("ratio", "is missing; expected a number from 0 to 1");
    return new Prune(s.number("ratio", 0, 1, 0), Targets.read(s, Targets.ALL));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Draft apply(Draft draft, Workshop shop) {
    return draft.with(targets.weights(draft.middle(), this::pruned));
  }

  /** A plain type is kept, which loses nothing; numbers of block types become f32. */
  private Weight pruned(Weight w) {
    Tensor t = w.toTensor();
    prune(t, ratio);
    return Rounding.to(w.dtype().isBlocked() ? DType.F32 : w.dtype(), t);
  }

  static void prune(Tensor t, double ratio) {
    int k = (int) (t.size() * ratio);
    if (k == 0) return;
    float[] sizes = t.toArray();
    for (int i = 0; i < sizes.length; i++) sizes[i] = Math.abs(sizes[i]);
    Arrays.sort(sizes);
    float threshold = sizes[k - 1];
    for (int i = t.offset(); i < t.offset() + t.size(); i++)
      if (Math.abs(t.data()[i]) < threshold) t.data()[i] = 0;
  }

  @Override
  public JsonObject describe() {
    return JsonObject.create().put("step", NAME).put("ratio", ratio).put("targets", targets.word());
  }
}
