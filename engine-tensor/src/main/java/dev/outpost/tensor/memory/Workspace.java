package dev.outpost.tensor.memory;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Lends the buffers of one step and takes all back: activations, their gradients, scratch. What
 * outlives the step, such as the gradients of weights, is {@link #keep kept} until released. A
 * buffer may stand for one up to a third smaller, so that activations and gradients share memory; a
 * loop whose steps have equal shapes soon allocates nothing. Not thread-safe: one workspace per
 * step at work.
 *
 * <p>A lent tensor's contents are undefined. It is known by its backing array, so a reshaped or
 * sliced tensor stands for the buffer it came from.
 */
public final class Workspace {
  private final TreeMap<Integer, ArrayDeque<float[]>> free = new TreeMap<>();

  /** Every buffer on loan, and whether it is kept. */
  private final Map<float[], Boolean> lent = new IdentityHashMap<>();

  private final MemoryMeter meter = new MemoryMeter();

  /** A buffer of this shape; contents undefined. */
  public Tensor take(Shape shape) {
    int capacity = sizeClass(shape.size());
    float[] data = fitting(capacity);
    if (data == null) {
      data = new float[capacity];
      meter.allocated(capacity * 4L);
    }
    lent.put(data, false);
    meter.taken(data.length * 4L);
    return new Tensor(shape, data, 0);
  }

  /**
   * The smallest free buffer of this capacity or up to half as much again; null if there is none.
   */
  private float @Nullable [] fitting(int capacity) {
    long most = capacity + capacity / 2L;
    for (var e = free.ceilingEntry(capacity);
        e != null && e.getKey() <= most;
        e = free.higherEntry(e.getKey())) {
      float[] data = e.getValue().poll();
      if (data != null) return data;
    }
    return null;
  }

  /**
   * Leaves a lent buffer with its user beyond {@link #releaseAll}, until {@link #release}. Fails
   * for a tensor that is not on loan.
   */
  public void keep(Tensor t) {
    if (lent.replace(t.data(), true) == null)
      throw new IllegalArgumentException("workspace: " + t.shape() + " is not on loan");
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

  /** Takes every buffer back that is not {@link #keep kept}: the end of a step. */
  public void releaseAll() {
    for (var loans = lent.entrySet().iterator(); loans.hasNext(); ) {
      var loan = loans.next();
      if (loan.getValue()) continue;
      float[] data = loan.getKey();
      loans.remove();
      giveBack(data);
    }
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
