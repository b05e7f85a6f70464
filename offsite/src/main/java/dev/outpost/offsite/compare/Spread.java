package dev.outpost.offsite.compare;

import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Examples;
import java.util.Arrays;

/** So many of some rows, evenly spread over them: to measure on less without favouring a part. */
record Spread(Blocks all, int count) implements Examples {
  /** All rows when there are no more, or when {@code count} is 0. */
  static Examples of(Blocks all, int count) {
    return count == 0 || count >= all.count() ? all : new Spread(all, count);
  }

  private int[] rows(int[] which) {
    return Arrays.stream(which).map(i -> (int) ((long) i * all.count() / count)).toArray();
  }

  @Override
  public Batch batch(int[] which) {
    return all.batch(rows(which));
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
