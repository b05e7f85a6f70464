package dev.outpost.transformer.module;

import dev.outpost.tensor.kernel.HeadView;
import java.util.HashMap;
import java.util.Map;

/**
 * Keys and values of the positions already seen, per slot, so that generation computes each
 * position once. Laid out {@code [batch, capacity, width]}: reads are contiguous.
 */
public final class KvCache {
  /** Positions a slot starts with. */
  private static final int LEAST = 16;

  private final int batch;
  private final int capacity;
  private final Map<String, Entry> entries = new HashMap<>();
  private int ahead;
  private int held;

  private KvCache(int batch, int capacity) {
    this.batch = batch;
    this.capacity = capacity;
  }

  /**
   * Room for {@code capacity} positions of {@code batch} sequences; memory is taken per slot as the
   * positions come, twice as much whenever it is full.
   */
  public static KvCache of(int batch, int capacity) {
    return new KvCache(batch, capacity);
  }

  /** Positions of the sequence held, without what stands before it. */
  public int length() {
    return Math.max(0, held - ahead);
  }

  /** Positions held, with what stands before the sequence. */
  public int held() {
    return held;
  }

  /**
   * Says how many positions of the model's own, a prompt, stand before every sequence: they need no
   * room of the capacity, come first, and stay when the sequence is forgotten.
   */
  public void standAhead(int positions) {
    if (held > 0 && positions != ahead)
      throw new IllegalStateException(
          "kv cache: holds " + ahead + " positions before the sequence, asked for " + positions);
    ahead = positions;
  }

  /** Positions of the sequence there is room for. */
  public int capacity() {
    return capacity;
  }

  /** Forgets everything after the first {@code positions}. */
  public void truncate(int positions) {
    if (positions < 0 || positions > length())
      throw new IllegalArgumentException(
          "kv cache: cannot truncate " + length() + " positions to " + positions);
    held = Math.min(held, ahead + positions);
  }

  /**
   * The same positions for {@code n} sequences that go on differently, copied; of a cache of one
   * sequence.
   */
  public KvCache repeated(int n) {
    if (batch != 1)
      throw new IllegalStateException("kv cache: holds " + batch + " sequences, must hold one");
    KvCache out = new KvCache(n, capacity);
    out.ahead = ahead;
    out.held = held;
    entries.forEach((slot, e) -> out.entries.put(slot, e.repeated(n, held)));
    return out;
  }

  /** Ends a pass of {@code time} positions, after every slot has appended its own. */
  public void advance(int time) {
    held += time;
  }

  /**
   * Stores this pass's keys and values of a slot behind the held positions.
   *
   * @param k keys of this pass's positions
   * @param v values of this pass's positions
   * @param width numbers of all key-value heads together
   * @return the slot's keys and values, now {@code held() + time} positions
   */
  public Entry append(String slot, HeadView k, HeadView v, int width, int time) {
    if (held + time > capacity + ahead)
      throw new IllegalStateException(
          "kv cache: " + (held + time - ahead) + " positions exceed the capacity of " + capacity);
    Entry e = entries.computeIfAbsent(slot, s -> new Entry(width));
    if (held + time > e.capacity) e.grow(batch, held, room(held + time));
    for (int b = 0; b < batch; b++) {
      for (int t = 0; t < time; t++) {
        int to = (b * e.capacity + held + t) * width;
        System.arraycopy(k.data(), k.at(b, t, 0, 0), e.keys, to, width);
        System.arraycopy(v.data(), v.at(b, t, 0, 0), e.values, to, width);
      }
    }
    return e;
  }

  private int room(int positions) {
    return Math.min(capacity + ahead, Math.max(LEAST, Integer.highestOneBit(positions - 1) * 2));
  }

  /** One slot's keys and values; views of them hold until the next append. */
  public static final class Entry {
    private final int width;
    private float[] keys = {};
    private float[] values = {};
    private int capacity;

    private Entry(int width) {
      this.width = width;
    }

    private Entry repeated(int n, int length) {
      Entry out = new Entry(width);
      out.keys = new float[n * length * width];
      out.values = new float[n * length * width];
      for (int b = 0; b < n; b++) {
        System.arraycopy(keys, 0, out.keys, b * length * width, length * width);
        System.arraycopy(values, 0, out.values, b * length * width, length * width);
      }
      out.capacity = length;
      return out;
    }

    private void grow(int batch, int length, int to) {
      keys = copy(keys, batch, length, to);
      values = copy(values, batch, length, to);
      capacity = to;
    }

    private float[] copy(float[] from, int batch, int length, int to) {
      float[] more = new float[batch * to * width];
      for (int b = 0; b < batch; b++)
        System.arraycopy(from, b * capacity * width, more, b * to * width, length * width);
      return more;
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
