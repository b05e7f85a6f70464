package dev.outpost.offsite.bench;

import java.util.Arrays;

/** The rounds of one measurement, as rates: more is better. */
public record Spread(double median, double best, double worst) {
  /** Of at least one rate. */
  public static Spread of(double[] rates) {
    if (rates.length == 0) throw new IllegalArgumentException("spread: needs at least one round");
    double[] sorted = rates.clone();
    Arrays.sort(sorted);
    return new Spread(sorted[sorted.length / 2], sorted[sorted.length - 1], sorted[0]);
  }
}
