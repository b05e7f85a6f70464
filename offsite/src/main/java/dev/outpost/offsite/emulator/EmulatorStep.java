package dev.outpost.offsite.emulator;

import dev.outpost.transformer.Slot;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * One way to make a middle smaller or lossier. Slots keep the names they were born with. Steps
 * compose with {@link #then}.
 */
@FunctionalInterface
public interface EmulatorStep extends UnaryOperator<List<Slot>> {
  /** This step, then another. */
  default EmulatorStep then(EmulatorStep next) {
    return slots -> next.apply(apply(slots));
  }
}
