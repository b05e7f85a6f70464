package dev.outpost.tornado;

import java.util.Map;
import java.util.TreeMap;

/** Which parts of a memory are free: the smallest that fits is taken; neighbours join. */
final class Space {
  /** Parts begin at multiples of this: what a device reads at once. */
  static final int GRAIN = 64;

  /** No part is long enough. */
  static final int FULL = -1;

  private final TreeMap<Integer, Integer> free = new TreeMap<>();
  private final int size;
  private long used;

  Space(int size) {
    this.size = size / GRAIN * GRAIN;
    free.put(0, this.size);
  }

  int size() {
    return size;
  }

  /** Numbers taken. */
  long used() {
    return used;
  }

  /** Where a part of this length begins, or {@link #FULL}. */
  int take(int length) {
    if (length > size) return FULL;
    int needed = rounded(length);
    Map.Entry<Integer, Integer> best = null;
    for (Map.Entry<Integer, Integer> part : free.entrySet())
      if (part.getValue() >= needed && (best == null || part.getValue() < best.getValue()))
        best = part;
    if (best == null) return FULL;
    int at = best.getKey();
    int rest = best.getValue() - needed;
    free.remove(at);
    if (rest > 0) free.put(at + needed, rest);
    used += needed;
    return at;
  }

  /** Gives back what {@link #take} gave for this length. */
  void give(int at, int length) {
    int needed = rounded(length);
    used -= needed;
    int from = at;
    int until = at + needed;
    Map.Entry<Integer, Integer> before = free.lowerEntry(at);
    if (before != null && before.getKey() + before.getValue() == at) {
      from = before.getKey();
      free.remove(from);
    }
    Integer behind = free.remove(until);
    if (behind != null) until += behind;
    free.put(from, until - from);
  }

  private static int rounded(int length) {
    return (int)
        Math.min(
            Integer.MAX_VALUE / GRAIN * (long) GRAIN,
            (Math.max(1, length) + GRAIN - 1L) / GRAIN * GRAIN);
  }
}
