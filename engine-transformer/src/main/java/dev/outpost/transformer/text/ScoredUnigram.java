package dev.outpost.transformer.text;

import java.util.Arrays;
import java.util.Map;

/**
 * The unigram model as SentencePiece computes it: like {@link Unigram}, which is the Hugging Face
 * library's, but with sums of 32 bits, user-defined pieces preferred, and unused ones left out.
 */
final class ScoredUnigram implements Model {
  private static final float UNKNOWN_PENALTY = 10;
  // The reference multiplies by a largest score that never falls below the least positive number.
  private static final double USER_DEFINED_SCORE = -0.1;

  private final Pieces pieces;
  private final TokenTrie trie;
  private final double[] scores;
  private final float unknownScore;
  private final WordCache cache = new WordCache();

  ScoredUnigram(Pieces pieces) {
    this.pieces = pieces;
    trie = new TokenTrie(pieces.ids(k -> k == Pieces.Kind.NORMAL || k == Pieces.Kind.USER_DEFINED));
    scores = new double[pieces.all().size()];
    float least = Float.MAX_VALUE;
    for (int id = 0; id < scores.length; id++) {
      Pieces.Piece piece = pieces.get(id);
      boolean own = piece.kind() == Pieces.Kind.USER_DEFINED;
      scores[id] = own ? USER_DEFINED_SCORE : piece.score();
      if (piece.kind() == Pieces.Kind.NORMAL) least = Math.min(least, piece.score());
    }
    unknownScore = least - UNKNOWN_PENALTY;
  }

  Pieces pieces() {
    return pieces;
  }

  @Override
  public Map<String, Integer> ids() {
    return pieces.ids();
  }

  @Override
  public void spell(String word, IntList out) {
    int[] known = cache.get(word);
    if (known == null) {
      IntList spelled = new IntList(word.length() / 2 + 8);
      viterbi(word, pieces.new Spelling(spelled));
      known = spelled.toArray();
      cache.put(word, known);
    }
    out.addAll(known);
  }

  private void viterbi(String word, Pieces.Spelling spelling) {
    int n = word.length();
    float[] best = new float[n + 1];
    int[] from = new int[n + 1];
    Arrays.fill(from, -1);
    for (int start = 0, next; start < n; start = next) {
      next = start + Character.charCount(word.codePointAt(start));
      boolean single = false;
      int node = trie.child(TokenTrie.ROOT, word.charAt(start));
      for (int end = start + 1; node != TokenTrie.NONE; end++) {
        int id = trie.id(node);
        if (id != TokenTrie.NONE) {
          single |= end == next;
          offer(best, from, start, end, scores[id] + best[start]);
        }
        node = end < n ? trie.child(node, word.charAt(end)) : TokenTrie.NONE;
      }
      if (!single) offer(best, from, start, next, unknownScore + best[start]);
    }
    IntList ends = new IntList(16);
    for (int end = n; end > 0; end = from[end]) ends.add(end);
    int start = 0;
    for (int i = ends.size() - 1; i >= 0; i--) {
      spelling.add(word.substring(start, ends.get(i)));
      start = ends.get(i);
    }
  }

  private static void offer(float[] best, int[] from, int start, int end, double sum) {
    if (from[end] >= 0 && !(sum > best[end])) return;
    best[end] = (float) sum;
    from[end] = start;
  }
}
