package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Between the device's memory and what crosses the bus. args: n, offset in the device's memory. */
public final class Transfers {
  private Transfers() {}

  /**
   * Makes the device take its memory: one item writes a number into each. What a body reads, or
   * writes only if, TornadoVM would bring from the host first: all of it.
   */
  public static void touch(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    heap.set(c.globalIdx, 0);
    page.set(c.globalIdx, 0);
  }

  /** Into the f32 memory. */
  public static void load(KernelContext c, IntArray args, FloatArray heap, FloatArray arrived) {
    int i = c.globalIdx;
    if (i < args.get(0)) heap.set(args.get(1) + i, arrived.get(i));
  }

  /** Out of the f32 memory. */
  public static void store(KernelContext c, IntArray args, FloatArray heap, FloatArray leaving) {
    int i = c.globalIdx;
    if (i < args.get(0)) leaving.set(i, heap.get(args.get(1) + i));
  }

  /** Into a page of weights. */
  public static void loadPage(KernelContext c, IntArray args, IntArray page, IntArray arrived) {
    int i = c.globalIdx;
    if (i < args.get(0)) page.set(args.get(1) + i, arrived.get(i));
  }
}
