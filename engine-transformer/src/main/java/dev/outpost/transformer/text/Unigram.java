package dev.outpost.transformer.text;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * SentencePiece's unigram model: of all ways to spell a word the one with the largest sum of
 * scores, found by Viterbi's algorithm (Kudo 2018, section 3.2). T5, ALBERT, XLM-RoBERTa.
 */
final class Unigram implements Model {
  private static final double UNKNOWN_PENALTY = 10;

  private final Map<String, Integer> ids;
  private final List<String> tokens;
  private final double[] scores;
  private final OptionalInt unknown;
  private final boolean byteFallback;
  private final double unknownScore;
  private final TokenTrie trie;
  private final ByteTokens bytes;
  private final WordCache cache = new WordCache();

  /**
   * @param tokens by id
   * @param scores logarithms of probabilities, by id
   * @param unknown the token for a character that no other begins or continues with
   */
  Unigram(List<String> tokens, double[] scores, OptionalInt unknown, boolean byteFallback) {
    this.tokens = tokens;
    this.scores = scores;
    this.unknown = unknown;
    this.byteFallback = byteFallback;
    ids = LinkedHashMap.newLinkedHashMap(tokens.size());
    for (int id = 0; id < tokens.size(); id++) ids.put(tokens.get(id), id);
    unknownScore =
        unknown.isEmpty() ? Double.NaN : Arrays.stream(scores).min().orElse(0) - UNKNOWN_PENALTY;
    trie = new TokenTrie(ids);
    bytes = new ByteTokens(ids);
  }

  /** Tokens by id; one that stands twice is found under its last id only. */
  List<String> tokens() {
    return tokens;
  }

  double score(int id) {
    return scores[id];
  }

  OptionalInt unknown() {
    return unknown;
  }

  boolean byteFallback() {
    return byteFallback;
  }

  @Override
  public Map<String, Integer> ids() {
    return ids;
  }

  @Override
  public void spell(String word, IntList out) {
    int[] known = cache.get(word);
    if (known == null) {
      IntList spelled = new IntList(word.length() + 1);
      best(word, spelled);
      known = spelled.toArray();
      cache.put(word, known);
    }
    out.addAll(known);
  }

  private void best(String word, IntList out) {
    Viterbi found = Viterbi.of(word, trie, scores, unknownScore, Viterbi.Sums.F64);
    int[] ends = found.ends();
    int start = 0;
    for (int i = 0; i < ends.length; i++) {
      boolean isUnknown = isUnknown(found.tokens()[i]);
      // Unknown pieces in a row are one.
      if (isUnknown && i + 1 < ends.length && isUnknown(found.tokens()[i + 1])) continue;
      if (isUnknown) unknown(word.substring(start, ends[i]), out);
      else out.add(found.tokens()[i]);
      start = ends[i];
    }
  }

  /** A character without a token, or the token for those. */
  private boolean isUnknown(int token) {
    return token == Viterbi.UNKNOWN || unknown.isPresent() && token == unknown.getAsInt();
  }

  private void unknown(String piece, IntList out) {
    Integer known = ids.get(piece);
    if (known != null) out.add(known);
    else if (!byteFallback || !bytes.spell(piece, out)) out.add(unknown.getAsInt());
  }
}
