package dev.outpost.tornado;

import java.lang.foreign.MemorySegment;

/**
 * A device that runs {@link Kernel}s on memory of its own: one heap of f32 numbers, and pages for
 * weights as stored. Calls run in order, each done when it returns. Not thread-safe.
 */
interface Accelerator extends AutoCloseable {
  /** The device's name for people. */
  String name();

  /** Numbers of the heap. */
  int heapFloats();

  /** Pages of weights. */
  int pages();

  /** 32-bit words of each page. */
  int pageInts();

  /**
   * Runs a kernel over a grid of groups.
   *
   * @param page which page it sees
   * @param args its numbers, at most {@link Kernel#ARGS}
   */
  void launch(Kernel kernel, int page, int[] args, int groupsX, int groupsY, int groupsZ);

  /** Takes numbers to the heap. */
  void upload(float[] from, int offset, int length, int to);

  /** Brings numbers from the heap. */
  void download(int from, float[] to, int offset, int length);

  /**
   * Takes bytes to a page, from word {@code to} on; what is behind them in the last word is lost.
   */
  void uploadPage(MemorySegment bytes, int page, int to);

  @Override
  void close();
}
