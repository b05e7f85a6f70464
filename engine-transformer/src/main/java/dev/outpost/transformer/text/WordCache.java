package dev.outpost.transformer.text;

import org.jspecify.annotations.Nullable;

/**
 * Remembers the ids of recent words in a fixed number of slots, a newcomer evicting whoever holds
 * its slot. Threads may race: an entry is immutable, so the worst is a word merged twice.
 */
final class WordCache {
  // Longer words are rare and would let one text fill the memory.
  private static final int LONGEST_WORD = 64;
  private static final int SLOTS = 1 << 14;

  private record Entry(String word, int[] ids) {}

  private final @Nullable Entry[] entries = new @Nullable Entry[SLOTS];

  int @Nullable [] get(String word) {
    Entry e = entries[slot(word)];
    return e != null && e.word.equals(word) ? e.ids : null;
  }

  void put(String word, int[] ids) {
    if (word.length() <= LONGEST_WORD) entries[slot(word)] = new Entry(word, ids);
  }

  private static int slot(String word) {
    int h = word.hashCode() * 0x9E3779B9;
    return h >>> 18;
  }
}
