package dev.outpost.tensor.kernel;

import dev.outpost.tensor.ShapeException;

/**
 * The sizes of one rotary embedding call.
 *
 * @param batch sequences
 * @param time positions per sequence
 * @param past position of each sequence's first row: what a key/value cache already holds
 * @param heads heads to turn; whatever lies beside them is not touched
 * @param headDim numbers per head
 * @param pairs of numbers turned in each head; the {@code headDim − 2·pairs} numbers behind them
 *     pass through
 * @param pairing which numbers make a pair
 */
public record RotaryShape(
    int batch, int time, int past, int heads, int headDim, int pairs, RotaryPairing pairing) {
  public RotaryShape {
    if (batch < 0 || time < 0 || past < 0 || heads < 0)
      throw new ShapeException(
          "rotary", "sizes may not be negative", batch + "x" + time, past, heads);
    if (pairs < 0 || 2L * pairs > headDim)
      throw new ShapeException("rotary", "a head must hold its pairs", headDim, pairs);
  }

  /** Pairs of halves. */
  public RotaryShape(int batch, int time, int past, int heads, int headDim, int pairs) {
    this(batch, time, past, heads, headDim, pairs, RotaryPairing.HALVES);
  }

  /** The same call for another number of heads. */
  public RotaryShape ofHeads(int other) {
    return new RotaryShape(batch, time, past, other, headDim, pairs, pairing);
  }
}
