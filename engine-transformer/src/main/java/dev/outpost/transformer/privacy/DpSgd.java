package dev.outpost.transformer.privacy;

/**
 * Training by DP-SGD (Abadi et al. 2016): each step takes every example by itself with probability
 * q (Poisson sampling, drawn from the secret), clips each one's gradient over all trainable
 * parameters together to length C, adds Gaussian noise of deviation σC to the sum, and divides by
 * the expected lot size. {@link RdpAccountant} counts exactly this.
 *
 * @param noise σ, positive
 * @param clip C, positive
 * @param secret where lots and noise come from
 */
public record DpSgd(double noise, float clip, Secret secret) {
  public DpSgd {
    if (!(noise > 0) || Double.isInfinite(noise))
      throw new IllegalArgumentException("dp: noise must be above 0 and finite, got " + noise);
    if (!(clip > 0) || Float.isInfinite(clip))
      throw new IllegalArgumentException("dp: clip must be above 0 and finite, got " + clip);
  }

  /** The probability with which each of {@code count} examples is in a lot of this mean size. */
  public static double rate(int lot, int count) {
    if (lot > count)
      throw new IllegalArgumentException(
          "dp: a lot of "
              + lot
              + " examples is more than the "
              + count
              + " there are; take a smaller batch, or shorter blocks");
    return (double) lot / count;
  }

  /** The examples of a step's lot, in rising order; may be none. */
  public int[] lot(int step, int expected, int count) {
    double rate = rate(expected, count);
    Secret.Stream stream = secret.stream("lot/" + step);
    int[] taken = new int[count];
    int n = 0;
    for (int i = 0; i < count; i++) if (stream.nextDouble() < rate) taken[n++] = i;
    return java.util.Arrays.copyOf(taken, n);
  }
}
