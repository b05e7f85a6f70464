package dev.outpost.transformer.train;

import dev.outpost.autograd.Tape;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.module.Pass;
import org.jspecify.annotations.Nullable;

/**
 * Examples put together: what one pass reads and should say. Arrays are shared, not copied.
 *
 * @param input what the model reads
 * @param size sequences or images
 * @param time positions of each
 * @param lengths how many of them are there, the rest being padding; null when all are
 * @param targets one per position, or per sequence of a head of classes; −1 counts nothing
 */
public record Batch(Input input, int size, int time, int @Nullable [] lengths, int[] targets) {
  /** Full sequences. */
  public Batch(Input input, int size, int time, int[] targets) {
    this(input, size, time, null, targets);
  }

  /** A pass over it. */
  public Pass pass(Tape tape) {
    return Pass.of(tape, size, time).ofLengths(lengths);
  }

  /** Positions of all sequences together. */
  public int positions() {
    return size * time;
  }
}
