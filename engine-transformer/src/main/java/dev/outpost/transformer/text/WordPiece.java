package dev.outpost.transformer.text;

import java.util.Map;

/**
 * BERT's model: from the left, always the longest token that fits; a word with a rest that none
 * fits is unknown as a whole (Schuster and Nakajima 2012).
 */
final class WordPiece implements Model {
  private final Map<String, Integer> ids;
  private final int unknown;
  private final String prefix;
  private final int longestWord;
  private final TokenTrie trie;
  private final int continuation;

  /**
   * @param prefix what a piece that does not begin a word starts with
   * @param longestWord words of more characters are unknown
   */
  WordPiece(Map<String, Integer> ids, int unknown, String prefix, int longestWord) {
    this.ids = ids;
    this.unknown = unknown;
    this.prefix = prefix;
    this.longestWord = longestWord;
    trie = new TokenTrie(ids);
    continuation = trie.child(TokenTrie.ROOT, prefix);
  }

  int unknown() {
    return unknown;
  }

  String prefix() {
    return prefix;
  }

  int longestWord() {
    return longestWord;
  }

  @Override
  public Map<String, Integer> ids() {
    return ids;
  }

  @Override
  public void spell(String word, IntList out) {
    if (word.codePointCount(0, word.length()) > longestWord) {
      out.add(unknown);
      return;
    }
    IntList pieces = new IntList(8);
    for (int start = 0, end; start < word.length(); start = end) {
      int node = start == 0 ? TokenTrie.ROOT : continuation;
      int piece = TokenTrie.NONE;
      end = start;
      for (int i = start; i < word.length() && node != TokenTrie.NONE; i++) {
        node = trie.child(node, word.charAt(i));
        // Tokens are well formed, so none ends within a pair of surrogates.
        if (node == TokenTrie.NONE || trie.id(node) == TokenTrie.NONE) continue;
        piece = trie.id(node);
        end = i + 1;
      }
      if (piece == TokenTrie.NONE) {
        out.add(unknown);
        return;
      }
      pieces.add(piece);
    }
    out.addAll(pieces.toArray());
  }
}
