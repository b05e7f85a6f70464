package dev.outpost.offsite.bench;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import java.util.Random;

/** Numbers to compute with: their values do not matter, that they are ordinary does. */
final class Noise {
  /** A prime, so that repeats fall on no row length. */
  private static final int PERIOD = 65_537;

  private Noise() {}

  /** Uniform in [−0.5, 0.5). */
  static float[] floats(int n, long seed) {
    float[] x = new float[n];
    fill(x, 1, seed);
    return x;
  }

  /** Uniform of this width around 0. */
  static void fill(float[] x, float width, long seed) {
    Random random = new Random(seed);
    int first = Math.min(PERIOD, x.length);
    for (int i = 0; i < first; i++) x[i] = width * (random.nextFloat() - 0.5f);
    // Copies double: drawing a hundred million numbers would take longer than the measurement.
    for (int done = first; done < x.length; done *= 2)
      System.arraycopy(x, 0, x, done, Math.min(done, x.length - done));
  }

  /** Uniform in [−0.5, 0.5). */
  static Tensor tensor(long seed, int... dims) {
    Shape shape = Shape.of(dims);
    return Tensor.of(shape, floats(shape.size(), seed));
  }

  /** Uniform token numbers. */
  static int[] tokens(int n, int vocabulary, long seed) {
    return new Random(seed).ints(n, 0, vocabulary).toArray();
  }
}
