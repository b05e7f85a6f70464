package dev.outpost.tensor.kernel.vector;

import java.util.ArrayDeque;

/**
 * Lends the buffers of one task and takes them back, so that a loop of equal shapes allocates
 * nothing: there are never more buffers than the tasks at work hold between them.
 */
final class Scratch {
  /**
   * G1 puts a large array at the start of a region and its data 16 bytes in: 12 floats on is a
   * cache line. Vectors of b that straddle lines cost a fifth of the matrix product's speed.
   */
  static final int ALIGN = 12;

  /** Half of G1's largest default region, 32 MB: an array of this many floats is always large. */
  private static final int LARGE = 1 << 22;

  /** Below this a product is too short to be worth a large array. */
  private static final int WORTH_ALIGNING = 1 << 16;

  // Stacks: what was used last is still in the cache. Locked, for a queue without locks allocates
  // a node per buffer.
  private final ArrayDeque<float[]> free = new ArrayDeque<>();
  private final ArrayDeque<double[]> freeDoubles = new ArrayDeque<>();

  /** At least {@code size} floats, contents undefined. */
  float[] take(int size) {
    float[] buffer;
    synchronized (free) {
      buffer = free.poll();
    }
    return buffer != null && buffer.length >= size ? buffer : new float[size];
  }

  /** At least {@code size} doubles, contents undefined. */
  double[] takeDoubles(int size) {
    double[] buffer;
    synchronized (freeDoubles) {
      buffer = freeDoubles.poll();
    }
    return buffer != null && buffer.length >= size ? buffer : new double[size];
  }

  /**
   * {@code panels} if it holds {@code size} floats after {@link #ALIGN}, or a larger one that does.
   */
  static float[] aligned(float[] panels, int size) {
    int need = size + ALIGN;
    if (panels.length >= need) return panels;
    return new float[need < WORTH_ALIGNING ? need : Math.max(need, LARGE)];
  }

  void give(float[] buffer) {
    synchronized (free) {
      free.push(buffer);
    }
  }

  void give(double[] buffer) {
    synchronized (freeDoubles) {
      freeDoubles.push(buffer);
    }
  }
}
