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
    unknownScore = Arrays.stream(scores).min().orElse(0) - UNKNOWN_PENALTY;
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
      viterbi(word, spelled);
      known = spelled.toArray();
      cache.put(word, known);
    }
    out.addAll(known);
  }

  private void viterbi(String word, IntList out) {
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
          offer(best, from, token, start, end, id, scores[id]);
        }
        node = end < n ? trie.child(node, word.charAt(end)) : TokenTrie.NONE;
      }
      if (!single) {
        if (unknown.isEmpty()) {
          throw new IllegalArgumentException(
              "tokenizer: no token for \""
                  + word.substring(start, next)
                  + "\", and the vocabulary names none for unknown text (model.unk_id)");
        }
        offer(best, from, token, start, next, unknown.getAsInt(), unknownScore);
      }
    }
    emit(word, from, token, out);
  }

  private static void offer(
      double[] best, int[] from, int[] token, int start, int end, int id, double score) {
    double sum = score + best[start];
    if (from[end] >= 0 && !(sum > best[end])) return;
    best[end] = sum;
    from[end] = start;
    token[end] = id;
  }

  private void emit(String word, int[] from, int[] token, IntList out) {
    IntList ends = new IntList(16);
    for (int end = word.length(); end > 0; end = from[end]) ends.add(end);
    int start = 0;
    for (int i = ends.size() - 1; i >= 0; i--) {
      int end = ends.get(i);
      boolean isUnknown = unknown.isPresent() && token[end] == unknown.getAsInt();
      // Unknown pieces in a row are one.
      if (isUnknown && i > 0 && token[ends.get(i - 1)] == unknown.getAsInt()) continue;
      if (isUnknown) unknown(word.substring(start, end), out);
      else out.add(token[end]);
      start = end;
    }
  }

  private void unknown(String piece, IntList out) {
    Integer known = ids.get(piece);
    if (known != null) out.add(known);
    else if (!byteFallback || !bytes.spell(piece, out)) out.add(unknown.getAsInt());
  }
}
