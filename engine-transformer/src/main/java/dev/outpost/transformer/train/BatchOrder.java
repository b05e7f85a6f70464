package dev.outpost.transformer.train;

import dev.outpost.tensor.random.RandomStream;

/**
 * Which blocks each batch reads: every epoch all blocks in a fresh order. A function of seed and
 * position alone, so a resumed run needs no saved state for it.
 */
public final class BatchOrder {
  private final int count;
  private final long seed;
  private long epoch = -1;
  private final int[] order;

  /** Of so many examples. */
  public BatchOrder(int count, long seed) {
    this.count = count;
    this.seed = seed;
    this.order = new int[count];
  }

  /** The blocks at positions {@code [from, from + n)} of the endless sequence of epochs. */
  public int[] take(long from, int n) {
    int[] out = new int[n];
    for (int i = 0; i < n; i++) {
      shuffleFor((from + i) / count);
      out[i] = order[(int) ((from + i) % count)];
    }
    return out;
  }

  private void shuffleFor(long wanted) {
    if (wanted == epoch) return;
    for (int i = 0; i < count; i++) order[i] = i;
    RandomStream.of(seed, "data.epoch." + wanted).shuffle(order);
    epoch = wanted;
  }
}
