package dev.outpost.tensor.random;

/**
 * A reproducible stream of random numbers for one purpose. Counter-based: number i depends only on
 * (seed, purpose, i), so a stream is saved as its position and resumed by {@link #seek}. The mixing
 * is SplitMix64's finaliser (Steele, Lea, Flood 2014).
 *
 * <p>Not thread-safe.
 */
public final class RandomStream {
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private final long key;
  private long position;

  private RandomStream(long key) {
    this.key = key;
  }

  /**
   * The stream of a seed for a purpose ({@code "init"}, {@code "data"}, {@code "sample"}, …);
   * streams of different purposes are independent.
   */
  public static RandomStream of(long seed, String purpose) {
    long h = mix(seed + GOLDEN);
    for (int i = 0; i < purpose.length(); i++) h = mix(h ^ (purpose.charAt(i) + GOLDEN));
    return new RandomStream(h);
  }

  /**
   * Number {@code counter} of the stream {@code key}, without any state: for masks that must be
   * drawn again later.
   */
  public static long hash(long key, long counter) {
    return mix(mix(key + GOLDEN) + counter * GOLDEN);
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /** 64 random bits. */
  public long nextLong() {
    return hash(key, position++);
  }

  /** Uniform in [0, bound). The bias is below bound / 2⁶³. */
  public int nextInt(int bound) {
    if (bound < 1)
      throw new IllegalArgumentException("random: bound must be positive, got " + bound);
    return (int) Math.unsignedMultiplyHigh(nextLong(), bound);
  }

  /** Uniform in [0, 1), 24 bits. */
  public float nextFloat() {
    return (nextLong() >>> 40) * 0x1p-24f;
  }

  /** Uniform in [0, 1), 53 bits. */
  public double nextDouble() {
    return (nextLong() >>> 11) * 0x1p-53;
  }

  /**
   * Standard normal by Box–Muller; always two draws, nothing is kept back, so {@link #position}
   * tells all.
   */
  public double nextGaussian() {
    double u = 1 - nextDouble();
    double v = nextDouble();
    return StrictMath.sqrt(-2 * StrictMath.log(u)) * StrictMath.cos(2 * Math.PI * v);
  }

  /** Shuffles in place (Fisher–Yates). */
  public void shuffle(int[] values) {
    for (int i = values.length - 1; i > 0; i--) {
      int j = nextInt(i + 1);
      int t = values[i];
      values[i] = values[j];
      values[j] = t;
    }
  }

  /** Numbers drawn so far. */
  public long position() {
    return position;
  }

  /** Goes to where {@code position} numbers have been drawn. */
  public void seek(long to) {
    if (to < 0)
      throw new IllegalArgumentException("random: position must not be negative, got " + to);
    position = to;
  }
}
