package dev.outpost.tensor.kernel.vector;

import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Lends the buffers of one task and takes them back, so that a steady loop allocates nothing: there are
 * never more buffers than threads at work.
 */
final class Scratch {
  /** Large arrays start at a page under G1 and their data 16 bytes in: 12 floats on is a cache line. */
  static final int ALIGN = 12;

  private final ConcurrentLinkedQueue<float[]> free = new ConcurrentLinkedQueue<>();

  /** At least {@code size} floats, contents undefined. */
  float[] take(int size) {
    float[] buffer = free.poll();
    return buffer != null && buffer.length >= size ? buffer : new float[size];
  }

  void give(float[] buffer) {
    free.add(buffer);
  }
}
