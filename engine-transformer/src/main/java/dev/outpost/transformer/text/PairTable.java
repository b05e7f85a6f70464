package dev.outpost.transformer.text;

import java.util.Arrays;

/** A map from a pair of token ids to an int: open addressing, because it is asked per symbol. */
final class PairTable {
  private static final long EMPTY = -1;
  static final int ABSENT = -1;

  private long[] keys;
  private int[] values;
  private int size;

  PairTable(int expected) {
    int capacity = Integer.highestOneBit(Math.max(8, expected) * 2 - 1) * 2;
    keys = new long[capacity];
    values = new int[capacity];
    Arrays.fill(keys, EMPTY);
  }

  static long key(int left, int right) {
    return (long) left << 32 | right;
  }

  static int left(long key) {
    return (int) (key >> 32);
  }

  static int right(long key) {
    return (int) key;
  }

  /** The value of a pair, or {@link #ABSENT}. */
  int get(int left, int right) {
    int slot = slot(key(left, right));
    return keys[slot] == EMPTY ? ABSENT : values[slot];
  }

  /** Sets a pair's value and returns the one before, or {@link #ABSENT}. */
  int put(int left, int right, int value) {
    long key = key(left, right);
    int slot = slot(key);
    if (keys[slot] != EMPTY) {
      int before = values[slot];
      values[slot] = value;
      return before;
    }
    if (size * 2 >= keys.length) {
      grow();
      slot = slot(key);
    }
    keys[slot] = key;
    values[slot] = value;
    size++;
    return ABSENT;
  }

  private int slot(long key) {
    int mask = keys.length - 1;
    long h = key * 0x9E3779B97F4A7C15L;
    int slot = (int) (h >>> 32) & mask;
    while (keys[slot] != EMPTY && keys[slot] != key) slot = slot + 1 & mask;
    return slot;
  }

  private void grow() {
    long[] oldKeys = keys;
    int[] oldValues = values;
    keys = new long[oldKeys.length * 2];
    values = new int[keys.length];
    Arrays.fill(keys, EMPTY);
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] == EMPTY) continue;
      int slot = slot(oldKeys[i]);
      keys[slot] = oldKeys[i];
      values[slot] = oldValues[i];
    }
  }
}
