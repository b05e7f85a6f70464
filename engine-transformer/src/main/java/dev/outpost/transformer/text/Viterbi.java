package dev.outpost.transformer.text;

import java.util.Arrays;

/**
 * Of all ways to spell a word with scored tokens the one with the largest sum, of equal ones that
 * found first (Kudo 2018, section 3.2).
 *
 * @param ends where the tokens of the best spelling end, ascending
 * @param tokens their ids
 */
record Viterbi(int[] ends, int[] tokens) {
  /** In place of an id: a character that no token begins with and is alone. */
  static final int UNKNOWN = -1;

  /** How sums are rounded. */
  enum Sums {
    F32,
    F64;

    double of(double sum) {
      return this == F32 ? (float) sum : sum;
    }
  }

  /**
   * @param scores by id of {@code trie}
   * @param unknown score of a character that is no token; NaN where there must be none
   * @param sums SentencePiece adds in f32, the Hugging Face library in f64
   * @throws IllegalArgumentException naming the character that there must not be
   */
  static Viterbi of(String word, TokenTrie trie, double[] scores, double unknown, Sums sums) {
    int n = word.length();
    double[] best = new double[n + 1];
    int[] from = new int[n + 1];
    int[] token = new int[n + 1];
    Arrays.fill(from, -1);
    for (int start = 0, next; start < n; start = next) {
      next = start + Character.charCount(word.codePointAt(start));
      boolean single = false;
      int node = trie.child(TokenTrie.ROOT, word.charAt(start));
      for (int end = start + 1; node != TokenTrie.NONE; end++) {
        int id = trie.id(node);
        if (id != TokenTrie.NONE) {
          single |= end == next;
          // Compared before it is rounded, as the reference does.
          double sum = scores[id] + best[start];
          if (from[end] < 0 || sum > best[end]) {
            best[end] = sums.of(sum);
            from[end] = start;
            token[end] = id;
          }
        }
        node = end < n ? trie.child(node, word.charAt(end)) : TokenTrie.NONE;
      }
      if (single) continue;
      if (Double.isNaN(unknown))
        throw new IllegalArgumentException(
            "tokenizer: no token for \""
                + word.substring(start, next)
                + "\", and the vocabulary names none for unknown text (model.unk_id)");
      double sum = sums.of(unknown + best[start]);
      if (from[next] < 0 || sum > best[next]) {
        best[next] = sum;
        from[next] = start;
        token[next] = UNKNOWN;
      }
    }
    int count = 0;
    for (int end = n; end > 0; end = from[end]) count++;
    int[] ends = new int[count];
    int[] tokens = new int[count];
    for (int end = n; end > 0; end = from[end]) {
      ends[--count] = end;
      tokens[count] = token[end];
    }
    return new Viterbi(ends, tokens);
  }
}
