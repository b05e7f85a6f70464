package dev.outpost.transformer.train;

import java.util.Arrays;

/**
 * So many of some examples, evenly spread over them: to measure on less without favouring a part.
 *
 * @param all where they are taken from
 * @param count how many, fewer than all
 */
public record Evenly(Examples all, int count) implements Examples {
  public Evenly {
    if (count < 1 || count >= all.count())
      throw new IllegalArgumentException(
          "evenly: must be 1 to " + (all.count() - 1) + " of " + all.count() + ", got " + count);
  }

  /** All examples when there are no more, or when {@code count} is 0. */
  public static Examples of(Examples all, int count) {
    return count == 0 || count >= all.count() ? all : new Evenly(all, count);
  }

  @Override
  public Batch batch(int[] which) {
    return all.batch(
        Arrays.stream(which).map(i -> (int) ((long) i * all.count() / count)).toArray());
  }

  @Override
  public String extent() {
    return count + " of " + all.extent();
  }

  @Override
  public String sha256() {
    return all.sha256();
  }
}
