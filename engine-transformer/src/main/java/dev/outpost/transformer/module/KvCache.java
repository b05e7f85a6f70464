package dev.outpost.transformer.module;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.HeadView;
import java.util.HashMap;
import java.util.Map;

/**
 * Keys and values of the positions already seen, per slot, so that generation computes each
 * position once. Laid out {@code [batch, capacity, width]}: reads are contiguous.
 */
public final class KvCache {
  private final int batch;
  private final int capacity;
  private final Map<String, Entry> entries = new HashMap<>();
  private int length;

  private KvCache(int batch, int capacity) {
    this.batch = batch;
    this.capacity = capacity;
  }

  /**
   * Room for {@code capacity} positions of {@code batch} sequences; memory is taken per slot at
   * first use.
   */
  public static KvCache of(int batch, int capacity) {
    return new KvCache(batch, capacity);
  }

  /** Positions held. */
  public int length() {
    return length;
  }

  /** Positions there is room for. */
  public int capacity() {
    return capacity;
  }

  /** Forgets everything after the first {@code positions}. */
  public void truncate(int positions) {
    if (positions < 0 || positions > length)
      throw new IllegalArgumentException(
          "kv cache: cannot truncate " + length + " positions to " + positions);
    length = positions;
  }

  /** Ends a pass of {@code time} positions, after every slot has appended its own. */
  public void advance(int time) {
    length += time;
  }

  /**
   * Stores this pass's keys and values of a slot behind the held positions.
   *
   * @param qkv [batch·time, 3·width]: query, key, value side by side
   * @return the slot's keys and values, now {@code length() + time} positions
   */
  public Entry append(String slot, Tensor qkv, int time) {
    int width = qkv.cols() / 3;
    if (length + time > capacity)
      throw new IllegalStateException(
          "kv cache: " + (length + time) + " positions exceed the capacity of " + capacity);
    Entry e =
        entries.computeIfAbsent(
            slot,
            s ->
                new Entry(
                    new float[batch * capacity * width],
                    new float[batch * capacity * width],
                    capacity,
                    width));
    for (int b = 0; b < batch; b++) {
      for (int t = 0; t < time; t++) {
        int from = qkv.offset() + (b * time + t) * qkv.cols();
        int to = (b * capacity + length + t) * width;
        System.arraycopy(qkv.data(), from + width, e.keys, to, width);
        System.arraycopy(qkv.data(), from + 2 * width, e.values, to, width);
      }
    }
    return e;
  }

  /** One slot's keys and values. */
  public static final class Entry {
    private final float[] keys;
    private final float[] values;
    private final int capacity;
    private final int width;

    private Entry(float[] keys, float[] values, int capacity, int width) {
      this.keys = keys;
      this.values = values;
      this.capacity = capacity;
      this.width = width;
    }

    /** The keys as heads. */
    public HeadView keys() {
      return new HeadView(keys, 0, capacity * width, width);
    }

    /** The values as heads. */
    public HeadView values() {
      return new HeadView(values, 0, capacity * width, width);
    }
  }
}
