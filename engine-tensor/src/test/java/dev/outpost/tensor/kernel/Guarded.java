package dev.outpost.tensor.kernel;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import java.util.Arrays;
import java.util.Random;

/** Tensors at odd offsets between guard floats, so that a kernel that writes too far is caught. */
final class Guarded {
  static final int MARGIN = 37;
  private static final float GUARD = 1234.5f;

  private final Random random;

  Guarded(long seed) {
    random = new Random(seed);
  }

  /** Uniform in [−1, 1). */
  Tensor random(int... dims) {
    Tensor t = empty(dims);
    for (int i = 0; i < t.size(); i++) t.data()[t.offset() + i] = random.nextFloat() * 2 - 1;
    return t;
  }

  Tensor scaled(float factor, int... dims) {
    Tensor t = random(dims);
    for (int i = 0; i < t.size(); i++) t.data()[t.offset() + i] *= factor;
    return t;
  }

  Tensor positive(int... dims) {
    Tensor t = random(dims);
    for (int i = 0; i < t.size(); i++)
      t.data()[t.offset() + i] = Math.abs(t.data()[t.offset() + i]) + 0.01f;
    return t;
  }

  /** NaN everywhere: an output that must be written in full. */
  static Tensor empty(int... dims) {
    Shape shape = Shape.of(dims);
    float[] data = new float[shape.size() + 2 * MARGIN];
    Arrays.fill(data, GUARD);
    Arrays.fill(data, MARGIN, MARGIN + shape.size(), Float.NaN);
    return new Tensor(shape, data, MARGIN);
  }

  /** The elements, once the guards are seen to stand. */
  static float[] read(Tensor t) {
    for (int i = 0; i < t.data().length; i++)
      if ((i < MARGIN || i >= MARGIN + t.size()) && t.data()[i] != GUARD)
        throw new AssertionError(t + ": wrote " + t.data()[i] + " outside, at " + (i - MARGIN));
    return t.toArray();
  }

  int nextInt(int bound) {
    return random.nextInt(bound);
  }
}
