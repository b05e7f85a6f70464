package dev.outpost.transformer.text;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The merging half of training. Pair counts are kept up to date word by word, and a queue of
 * candidates is corrected only when a stale one comes up.
 *
 * <p>Follows Hugging Face's BpeTrainer to the letter, also where one would do otherwise: the count
 * of a merged pair stays, so a pair that arises anew (by another spelling of the same token) is
 * counted on top of it, and is then merged, and ranked, a second time.
 */
final class MergeLearner {
  /** A pair, its count when last looked at, and the words it may occur in. */
  private static final class Candidate {
    final int left;
    final int right;
    final int pair;
    final IntList words;
    long count;

    Candidate(int left, int right, int pair, IntList words, long count) {
      this.left = left;
      this.right = right;
      this.pair = pair;
      this.words = words;
      this.count = count;
    }
  }

  private record Fresh(int left, int right, int pair, IntList words) {}

  private static final Comparator<Candidate> MOST_FREQUENT_FIRST =
      (a, b) -> {
        int byCount = Long.compare(b.count, a.count);
        if (byCount != 0) return byCount;
        return Long.compare(PairTable.key(a.left, a.right), PairTable.key(b.left, b.right));
      };

  private final List<String> tokens;
  private final Map<String, Integer> ids = new HashMap<>();
  private final int[][] words;
  private final long[] wordCounts;
  private final PairTable pairs = new PairTable(1 << 14);
  private long[] pairCounts = new long[1 << 12];
  private int pairCount;
  // Words in which a pair arose since candidates were last queued, and those pairs.
  private @Nullable IntList[] fresh = new @Nullable IntList[1 << 12];
  private final List<Fresh> freshPairs = new ArrayList<>();
  private final PriorityQueue<Candidate> queue = new PriorityQueue<>(MOST_FREQUENT_FIRST);

  /**
   * Counts the pairs.
   *
   * @param tokens the tokens there are already, by id; grows
   * @param byteIds the id of each byte
   * @param counts words and how often they occur
   */
  MergeLearner(List<String> tokens, int[] byteIds, Map<String, Long> counts) {
    this.tokens = tokens;
    for (int id = 0; id < tokens.size(); id++) ids.put(tokens.get(id), id);
    words = new int[counts.size()][];
    wordCounts = new long[counts.size()];
    int w = 0;
    for (Map.Entry<String, Long> e : counts.entrySet()) {
      byte[] bytes = e.getKey().getBytes(StandardCharsets.UTF_8);
      int[] word = new int[bytes.length];
      for (int i = 0; i < word.length; i++) word[i] = byteIds[bytes[i] & 0xFF];
      words[w] = word;
      wordCounts[w] = e.getValue();
      for (int i = 0; i + 1 < word.length; i++) count(word[i], word[i + 1], 1, w);
      w++;
    }
    queueFresh();
  }

  /** Merges until there are {@code size} tokens or no pair is frequent enough. */
  Vocabulary learn(int size, long minFrequency, IntConsumer progress) {
    // The rank of a pair that is merged twice is its last.
    PairTable lastRank = new PairTable(size);
    List<long[]> merged = new ArrayList<>();
    while (ids.size() < size && !queue.isEmpty()) {
      Candidate top = queue.poll();
      long count = pairCounts[top.pair];
      if (top.count != count) {
        top.count = count;
        queue.add(top);
        continue;
      }
      if (count < minFrequency) break;
      String token = tokens.get(top.left) + tokens.get(top.right);
      Integer known = ids.putIfAbsent(token, tokens.size());
      if (known == null) tokens.add(token);
      int id = known == null ? tokens.size() - 1 : known;
      lastRank.put(top.left, top.right, merged.size());
      merged.add(new long[] {top.left, top.right});
      for (int i = 0; i < top.words.size(); i++) merge(top.words.get(i), top.left, top.right, id);
      queueFresh();
      progress.accept(ids.size());
    }
    List<Vocabulary.Merge> merges = new ArrayList<>(merged.size());
    for (int rank = 0; rank < merged.size(); rank++) {
      int left = (int) merged.get(rank)[0];
      int right = (int) merged.get(rank)[1];
      if (lastRank.get(left, right) == rank) {
        merges.add(new Vocabulary.Merge(tokens.get(left), tokens.get(right)));
      }
    }
    Map<String, Integer> byId = new LinkedHashMap<>();
    for (int id = 0; id < tokens.size(); id++) byId.put(tokens.get(id), id);
    return Vocabulary.of(byId, List.copyOf(merges));
  }

  /** Merges a pair in one word, left to right, and counts the neighbours it loses and gains. */
  private void merge(int w, int left, int right, int joined) {
    int[] word = words[w];
    int n = word.length;
    int to = 0;
    for (int from = 0; from < n; from++) {
      if (word[from] != left || from + 1 == n || word[from + 1] != right) {
        word[to++] = word[from];
        continue;
      }
      if (to > 0) {
        count(word[to - 1], left, -1, w);
        count(word[to - 1], joined, 1, w);
      }
      if (from + 2 < n) {
        count(right, word[from + 2], -1, w);
        count(joined, word[from + 2], 1, w);
      }
      word[to++] = joined;
      from++;
    }
    if (to < n) words[w] = Arrays.copyOf(word, to);
  }

  private void count(int left, int right, int change, int w) {
    int pair = pairs.get(left, right);
    if (pair == PairTable.ABSENT) {
      pair = pairCount++;
      pairs.put(left, right, pair);
      if (pair == pairCounts.length) {
        pairCounts = Arrays.copyOf(pairCounts, pair * 2);
        fresh = Arrays.copyOf(fresh, pair * 2);
      }
    }
    pairCounts[pair] += change * wordCounts[w];
    if (change < 0) return;
    IntList occurrences = fresh[pair];
    if (occurrences == null) {
      occurrences = new IntList(4);
      fresh[pair] = occurrences;
      freshPairs.add(new Fresh(left, right, pair, occurrences));
    }
    // A word's changes come in one go, so a repetition is the last entry.
    if (!occurrences.endsWith(w)) occurrences.add(w);
  }

  private void queueFresh() {
    for (Fresh f : freshPairs) {
      long count = pairCounts[f.pair];
      if (count > 0) queue.add(new Candidate(f.left, f.right, f.pair, f.words, count));
      fresh[f.pair] = null;
    }
    freshPairs.clear();
  }
}
