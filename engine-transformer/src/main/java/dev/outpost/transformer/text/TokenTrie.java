package dev.outpost.transformer.text;

import java.util.Arrays;
import java.util.Map;

/** The tokens of a vocabulary by their characters, to find those that begin somewhere in a text. */
final class TokenTrie {
  static final int NONE = -1;
  static final int ROOT = 0;

  private final PairTable children;
  private int[] ids;
  private int nodes = 1;

  TokenTrie(Map<String, Integer> tokens) {
    children = new PairTable(tokens.size() * 2);
    ids = new int[Math.max(16, tokens.size() * 2)];
    Arrays.fill(ids, NONE);
    tokens.forEach(this::add);
  }

  private void add(String token, int id) {
    int node = ROOT;
    for (int i = 0; i < token.length(); i++) {
      int child = children.get(node, token.charAt(i));
      if (child == PairTable.ABSENT) {
        child = nodes++;
        children.put(node, token.charAt(i), child);
        if (child == ids.length) {
          ids = Arrays.copyOf(ids, 2 * child);
          Arrays.fill(ids, child, ids.length, NONE);
        }
      }
      node = child;
    }
    ids[node] = id;
  }

  /** The node behind a character, or {@link #NONE}. */
  int child(int node, char c) {
    return children.get(node, c);
  }

  /** The node behind some characters, or {@link #NONE}. */
  int child(int node, String text) {
    int at = node;
    for (int i = 0; i < text.length() && at != NONE; i++) at = child(at, text.charAt(i));
    return at;
  }

  /** The token that ends at a node, or {@link #NONE}. */
  int id(int node) {
    return ids[node];
  }
}
