package dev.outpost.transformer.text;

import java.util.Arrays;

/**
 * Byte-pair merging of one word: again and again the adjacent pair of the best rank, the leftmost
 * first, becomes one token (Sennrich et al. 2016, algorithm 1). O(n log n) with a linked list of
 * symbols and a heap of candidates, so that a megabyte without a space does not stall.
 */
final class MergeRanks {
  private final PairTable ranks;
  private int[] joined;
  private int size;

  MergeRanks(int expected) {
    ranks = new PairTable(expected);
    joined = new int[Math.max(8, expected)];
  }

  /** Adds the merge of the next rank; false if the pair has one already. */
  boolean add(int left, int right, int both) {
    if (ranks.get(left, right) != PairTable.ABSENT) return false;
    ranks.put(left, right, size);
    if (size == joined.length) joined = Arrays.copyOf(joined, 2 * size);
    joined[size++] = both;
    return true;
  }

  /** Merges the symbols, which it overwrites. */
  int[] merge(int[] symbols) {
    int n = symbols.length;
    if (n < 2) return symbols;
    int[] next = new int[n];
    int[] previous = new int[n];
    LongHeap candidates = new LongHeap(n);
    for (int i = 0; i < n; i++) {
      next[i] = i + 1 < n ? i + 1 : -1;
      previous[i] = i - 1;
      if (i + 1 < n) offer(candidates, symbols[i], symbols[i + 1], i);
    }
    while (!candidates.isEmpty()) {
      long candidate = candidates.poll();
      int rank = (int) (candidate >>> 32);
      int at = (int) candidate;
      int right = symbols[at] < 0 ? -1 : next[at];
      // A neighbour merged meanwhile: this candidate is of the past.
      if (right < 0 || ranks.get(symbols[at], symbols[right]) != rank) continue;
      symbols[at] = joined[rank];
      symbols[right] = -1;
      next[at] = next[right];
      if (next[at] >= 0) {
        previous[next[at]] = at;
        offer(candidates, symbols[at], symbols[next[at]], at);
      }
      if (previous[at] >= 0) offer(candidates, symbols[previous[at]], symbols[at], previous[at]);
    }
    return Arrays.stream(symbols).filter(s -> s >= 0).toArray();
  }

  private void offer(LongHeap candidates, int left, int right, int at) {
    int rank = ranks.get(left, right);
    if (rank != PairTable.ABSENT) candidates.add((long) rank << 32 | at);
  }
}
