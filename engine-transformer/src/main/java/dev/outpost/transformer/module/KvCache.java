package dev.outpost.transformer.module;

import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import java.util.HashMap;
import java.util.Map;

/**
 * Keys and values of the positions already seen, per slot, so that generation computes each
 * position once. Laid out {@code [batch, capacity, width]}: reads are contiguous.
 */
public final class KvCache {
  /** Positions a slot starts with. */
  private static final int LEAST = 16;

  private final Kernels kernels;
  private final int batch;
  private final int capacity;
  private final Map<String, Entry> entries = new HashMap<>();
  private int ahead;
  private int held;

  private KvCache(Kernels kernels, int batch, int capacity) {
    this.kernels = kernels;
    this.batch = batch;
    this.capacity = capacity;
  }

  /**
   * Room for {@code capacity} positions of {@code batch} sequences; memory is taken per slot as the
   * positions come, twice as much whenever it is full.
   *
   * @param kernels whose memory it is, those of every pass
   */
  public static KvCache of(Kernels kernels, int batch, int capacity) {
    return new KvCache(kernels, batch, capacity);
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
    KvCache out = new KvCache(kernels, n, capacity);
    out.ahead = ahead;
    out.held = held;
    entries.forEach((slot, e) -> out.entries.put(slot, e.repeated(n, held)));
    return out;
  }

  /** Gives the memory back; the cache then holds nothing. */
  public void release() {
    for (Entry e : entries.values()) {
      e.giveBack(e.keys);
      e.giveBack(e.values);
    }
    entries.clear();
    held = 0;
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
    Entry e = entries.computeIfAbsent(slot, s -> new Entry(kernels, width));
    if (held + time > e.capacity) e.grow(batch, held, room(held + time));
    for (int b = 0; b < batch; b++) {
      kernels.copy(rows(k, b, width, time), e.rows(e.keys, b * e.capacity + held, time), false);
      kernels.copy(rows(v, b, width, time), e.rows(e.values, b * e.capacity + held, time), false);
    }
    return e;
  }

  private static MatView rows(HeadView x, int sequence, int width, int time) {
    return MatView.of(x.data(), x.at(sequence, 0, 0, 0), time, width, x.rowStride(), 1);
  }

  private int room(int positions) {
    return Math.min(capacity + ahead, Math.max(LEAST, Integer.highestOneBit(positions - 1) * 2));
  }

  /** One slot's keys and values; views of them hold until the next append. */
  public static final class Entry {
    private final Kernels kernels;
    private final int width;
    private float[] keys = {};
    private float[] values = {};
    private int capacity;

    private Entry(Kernels kernels, int width) {
      this.kernels = kernels;
      this.width = width;
    }

    private Entry repeated(int n, int length) {
      Entry out = new Entry(kernels, width);
      out.keys = lent(n * length);
      out.values = lent(n * length);
      for (int b = 0; b < n; b++) {
        kernels.copy(rows(keys, 0, length), rows(out.keys, b * length, length), false);
        kernels.copy(rows(values, 0, length), rows(out.values, b * length, length), false);
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
      float[] more = lent(batch * to);
      for (int b = 0; b < batch; b++)
        kernels.copy(rows(from, b * capacity, length), rows(more, b * to, length), false);
      giveBack(from);
      return more;
    }

    private void giveBack(float[] array) {
      if (array.length > 0) kernels.memory().takeBack(array);
    }

    private float[] lent(int rows) {
      float[] array = new float[rows * width];
      if (array.length > 0) kernels.memory().lend(array);
      return array;
    }

    private MatView rows(float[] of, int first, int count) {
      return MatView.of(of, first * width, count, width, width, 1);
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
