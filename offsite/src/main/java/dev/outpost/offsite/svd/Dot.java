package dev.outpost.offsite.svd;

/** Inner products in a fixed order, summed in f64 over four strands. */
final class Dot {
  private Dot() {}

  /** {@code Σ a[i]·b[j]} of n numbers each. */
  static double of(float[] a, int i, float[] b, int j, int n) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int at = 0;
    for (; at + 4 <= n; at += 4) {
      s0 += (double) a[i + at] * b[j + at];
      s1 += (double) a[i + at + 1] * b[j + at + 1];
      s2 += (double) a[i + at + 2] * b[j + at + 2];
      s3 += (double) a[i + at + 3] * b[j + at + 3];
    }
    for (; at < n; at++) s0 += (double) a[i + at] * b[j + at];
    return (s0 + s1) + (s2 + s3);
  }
}
