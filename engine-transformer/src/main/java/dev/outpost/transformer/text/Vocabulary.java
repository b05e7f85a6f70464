package dev.outpost.transformer.text;

import java.util.List;
import java.util.Map;

/**
 * A byte-level vocabulary and the merges that build its tokens.
 *
 * @param ids token to id; ids may have holes
 * @param merges in order of rank, best first; every left, right and joined token is in {@code ids}
 */
record Vocabulary(Map<String, Integer> ids, List<Merge> merges) {

  /** Two tokens that become one wherever they meet. */
  record Merge(String left, String right) {
    String joined() {
      return left + right;
    }
  }

  int largestId() {
    int largest = -1;
    for (int id : ids.values()) largest = Math.max(largest, id);
    return largest;
  }
}
