package dev.outpost.transformer;

/**
 * A block and the name it was born with; the name survives every transformation, so a tuned {@code
 * blocks.47} of an emulator fits {@code blocks.47} of the owner's model.
 *
 * @param name {@code blocks.N}, N the index in the model it was loaded from
 */
public record Slot(String name, Block block) {
  /** Another block under the same name. */
  public Slot with(Block other) {
    return new Slot(name, other);
  }
}
