package dev.outpost.offsite.emulator;

import dev.outpost.offsite.split.Split;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import java.util.List;

/**
 * An emulator in the making.
 *
 * @param full the owner's model, untouched
 * @param split its cut
 * @param middle what stands in for the owner's middle so far; slots keep the names they were born
 *     with
 */
public record Draft(TransformerModel full, Split split, List<Slot> middle) {
  public Draft {
    middle = List.copyOf(middle);
  }

  /** The full middle, before any step. */
  public static Draft of(TransformerModel full, Split split) {
    return new Draft(full, split, split.middle());
  }

  /** Adapter and emulator as one model. */
  public TransformerModel model() {
    return full.withSlots(split.around(middle));
  }

  /** The same with another middle. */
  public Draft with(List<Slot> otherMiddle) {
    return new Draft(full, split, otherMiddle);
  }
}
