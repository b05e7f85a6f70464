package dev.outpost.offsite.report;

import java.util.Arrays;
import java.util.Locale;

/** What stands for a sequence when hidden states are compared. */
public enum Pooling {
  /** Every position for itself. */
  TOKENS,
  /** The mean over positions. */
  MEAN,
  /** The mean with weight t for position t from 1, as the runs that CRaSh released. */
  MEAN_WEIGHTED,
  /** The last position. */
  LAST;

  /** As settings call it: {@code mean-weighted}. */
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** All words. */
  public static String[] words() {
    return Arrays.stream(values()).map(Pooling::word).toArray(String[]::new);
  }

  /** The one that {@link #word} names. */
  public static Pooling of(String word) {
    return valueOf(word.toUpperCase(Locale.ROOT).replace('-', '_'));
  }

  /** Weight of position {@code t} of {@code length} that are there. */
  double weight(int t, int length) {
    return switch (this) {
      case TOKENS -> 1;
      case MEAN -> 1.0 / length;
      case MEAN_WEIGHTED -> 2.0 * (t + 1) / ((double) length * (length + 1));
      case LAST -> t == length - 1 ? 1 : 0;
    };
  }
}
