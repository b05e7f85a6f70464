package dev.outpost.transformer.text;

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
      Pieces.Spelling spelling = pieces.new Spelling(spelled);
      int start = 0;
      for (int end : Viterbi.of(word, trie, scores, unknownScore, Viterbi.Sums.F32).ends()) {
        spelling.add(word.substring(start, end));
        start = end;
      }
      known = spelled.toArray();
      cache.put(word, known);
    }
    out.addAll(known);
  }
}
