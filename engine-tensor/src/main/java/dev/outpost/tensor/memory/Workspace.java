package dev.outpost.tensor.memory;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Lends the buffers of one step and takes all back: activations, their gradients, scratch. Buffers
 * are reused by size class, so a loop whose steps have equal shapes allocates nothing after its
 * first step. Not thread-safe: one workspace per step at work.
 *
 * <p>A lent tensor's contents are undefined. It is known by its backing array, so a reshaped or
 * sliced tensor stands for the buffer it came from.
 */
public final class Workspace {
  private final TreeMap<Integer, ArrayDeque<float[]>> free = new TreeMap<>();
  private final Map<float[], Boolean> lent = new IdentityHashMap<>();
  private final MemoryMeter meter = new MemoryMeter();

  /** A buffer of this shape; contents undefined. */
  public Tensor take(Shape shape) {
    int capacity = sizeClass(shape.size());
    ArrayDeque<float[]> stack = free.get(capacity);
    float[] data = stack == null ? null : stack.poll();
    if (data == null) {
      data = new float[capacity];
      meter.allocated(capacity * 4L);
    }
    lent.put(data, true);
    meter.taken(capacity * 4L);
    return new Tensor(shape, data, 0);
  }

  /** A buffer of this shape; contents undefined. */
  public Tensor take(int... dims) {
    return take(Shape.of(dims));
  }

  /** A buffer of zeros. */
  public Tensor takeZeroed(int... dims) {
    Tensor t = take(dims);
    t.fill(0);
    return t;
  }

  /** Whether the tensor's buffer is lent by this workspace and not yet back. */
  public boolean lends(Tensor t) {
    return lent.containsKey(t.data());
  }

  /**
   * Takes one buffer back. A tensor that is not on loan is left alone: weights and constants may be
   * passed.
   */
  public void release(Tensor t) {
    if (lent.remove(t.data()) != null) giveBack(t.data());
  }

  /** Takes every buffer back: the end of a step. */
  public void releaseAll() {
    for (float[] data : lent.keySet()) giveBack(data);
    lent.clear();
  }

  /** Forgets the free buffers, so that the garbage collector may have them. */
  public void trim() {
    free.clear();
  }

  /** Bytes live, at peak, and taken from the heap. */
  public MemoryMeter meter() {
    return meter;
  }

  private void giveBack(float[] data) {
    meter.released(data.length * 4L);
    free.computeIfAbsent(data.length, k -> new ArrayDeque<>()).push(data);
  }

  /**
   * Rounds up by at most 12.5 %, so that growing shapes (a KV cache, a last short batch) reuse
   * buffers.
   */
  static int sizeClass(int size) {
    if (size <= 16) return 16;
    int step = Math.max(16, Integer.highestOneBit(size - 1) >> 3);
    long rounded = ((long) size + step - 1) / step * step;
    return (int) Math.min(rounded, Integer.MAX_VALUE - 8);
  }
}
