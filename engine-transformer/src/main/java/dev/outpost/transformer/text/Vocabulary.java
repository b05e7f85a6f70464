package dev.outpost.transformer.text;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A byte-level vocabulary and the merges that build its tokens.
 *
 * @param ids token to id; ids may have holes
 * @param merges in order of rank, best first; every left, right and joined token is in {@code ids}
 * @param ranks the same merges by ids
 */
record Vocabulary(Map<String, Integer> ids, List<Merge> merges, MergeRanks ranks) {

  static Vocabulary of(Map<String, Integer> ids, List<Merge> merges) {
    MergeRanks ranks = new MergeRanks(merges.size());
    for (Merge m : merges) ranks.add(id(ids, m.left()), id(ids, m.right()), id(ids, m.joined()));
    return new Vocabulary(ids, merges, ranks);
  }

  private static int id(Map<String, Integer> ids, String token) {
    return Objects.requireNonNull(ids.get(token), token);
  }

  /** Two tokens that become one wherever they meet. */
  record Merge(String left, String right) {
    String joined() {
      return left + right;
    }
  }

  // The ranks follow from the rest.
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Vocabulary v && ids.equals(v.ids) && merges.equals(v.merges);
  }

  @Override
  public int hashCode() {
    return Objects.hash(ids, merges);
  }

  int largestId() {
    int largest = -1;
    for (int id : ids.values()) largest = Math.max(largest, id);
    return largest;
  }
}
