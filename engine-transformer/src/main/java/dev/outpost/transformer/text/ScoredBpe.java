package dev.outpost.transformer.text;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Byte-pair encoding by the score of what two neighbours become, the highest first and the leftmost
 * of equals, whichever two they are: SentencePiece's own way (Kudo and Richardson 2018), and
 * llama.cpp's. Texts of user-defined pieces are never cut or joined, nor are they made.
 */
final class ScoredBpe implements Model {
  private static final int NO_SYMBOL = -1;

  private final Pieces pieces;
  private final Map<String, Integer> made;
  private final TokenTrie frozen;
  private final boolean freezes;
  private final int[] rank;
  private final int longest;
  private final WordCache cache = new WordCache();

  /** What of {@code pieces} is made of characters, and which stand whole in the text. */
  private ScoredBpe(Pieces pieces, Map<String, Integer> made, Map<String, Integer> frozen) {
    this.pieces = pieces;
    this.made = made;
    this.frozen = new TokenTrie(frozen);
    freezes = !frozen.isEmpty();
    rank = ranks(pieces.all());
    longest = made.keySet().stream().mapToInt(String::length).max().orElse(0);
  }

  /** SentencePiece's. */
  static ScoredBpe of(Pieces pieces) {
    return new ScoredBpe(
        pieces,
        pieces.ids(Pieces.Kind::spells),
        pieces.ids(kind -> kind == Pieces.Kind.USER_DEFINED));
  }

  /** llama.cpp's: every piece may come about; what stands whole was taken out before. */
  static ScoredBpe ofAll(Pieces pieces) {
    return new ScoredBpe(pieces, pieces.ids(), Map.of());
  }

  /** By id, 0 for the highest score; equal scores have equal ranks. */
  private static int[] ranks(List<Pieces.Piece> pieces) {
    float[] scores = new float[pieces.size()];
    for (int i = 0; i < scores.length; i++) scores[i] = -pieces.get(i).score() + 0f;
    float[] sorted = scores.clone();
    Arrays.sort(sorted);
    int[] ranks = new int[scores.length];
    int distinct = 0;
    Map<Float, Integer> rankOf = new HashMap<>();
    for (float score : sorted) if (rankOf.putIfAbsent(score, distinct) == null) distinct++;
    for (int i = 0; i < ranks.length; i++) ranks[i] = rankOf.getOrDefault(scores[i], 0);
    return ranks;
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
      new Word(word).spell(spelled);
      known = spelled.toArray();
      cache.put(word, known);
    }
    out.addAll(known);
  }

  /** A word under way: symbols in a list linked both ways, neighbours in a heap. */
  private final class Word {
    private final String text;
    // By symbol: where it begins and ends in the text; a symbol that went into another ends at 0.
    private final int[] start;
    private final int[] end;
    private final int[] next;
    private final int[] previous;
    private final boolean[] whole;
    private final LongHeap candidates;
    private final Map<String, int[]> unusedParts = new HashMap<>();

    Word(String text) {
      this.text = text;
      int n = text.length();
      start = new int[n];
      end = new int[n];
      next = new int[n];
      previous = new int[n];
      whole = new boolean[n];
      candidates = new LongHeap(n);
    }

    void spell(IntList out) {
      int n = 0;
      for (int at = 0; at < text.length(); at = end[n++]) {
        int stop = freezes ? frozenEnd(at) : at;
        whole[n] = stop > at;
        start[n] = at;
        end[n] = stop > at ? stop : at + Character.charCount(text.codePointAt(at));
        previous[n] = n - 1;
        next[n] = n + 1;
      }
      next[n - 1] = NO_SYMBOL;
      for (int i = 0; i + 1 < n; i++) offer(i);
      while (!candidates.isEmpty()) {
        long candidate = candidates.poll();
        int left = (int) candidate;
        int id = end[left] == 0 ? NO_SYMBOL : joined(left);
        // A neighbour was joined meanwhile: this candidate is of the past.
        if (id == NO_SYMBOL || rank[id] != (int) (candidate >>> 32)) continue;
        join(left);
      }
      Pieces.Spelling spelling = pieces.new Spelling(out);
      for (int i = 0; i != NO_SYMBOL; i = next[i]) add(text.substring(start[i], end[i]), spelling);
    }

    private int frozenEnd(int at) {
      int found = at;
      int node = frozen.child(TokenTrie.ROOT, text.charAt(at));
      for (int i = at + 1; node != TokenTrie.NONE; i++) {
        if (frozen.id(node) != TokenTrie.NONE) found = i;
        node = i < text.length() ? frozen.child(node, text.charAt(i)) : TokenTrie.NONE;
      }
      return found;
    }

    private void join(int left) {
      int right = next[left];
      end[left] = end[right];
      end[right] = 0;
      next[left] = next[right];
      if (next[left] != NO_SYMBOL) {
        previous[next[left]] = left;
        offer(left);
      }
      if (previous[left] != NO_SYMBOL) offer(previous[left]);
    }

    private void offer(int left) {
      int id = joined(left);
      if (id == NO_SYMBOL) return;
      candidates.add((long) rank[id] << 32 | left);
      if (pieces.get(id).kind() == Pieces.Kind.UNUSED)
        unusedParts.put(pieces.get(id).text(), new int[] {start[left], end[left], end[next[left]]});
    }

    /** The piece that a symbol and the one behind it become, if there is one. */
    private int joined(int left) {
      int right = next[left];
      if (right == NO_SYMBOL || whole[left] || whole[right]) return NO_SYMBOL;
      if (end[right] - start[left] > longest) return NO_SYMBOL;
      @Nullable Integer id = made.get(text.substring(start[left], end[right]));
      return id == null ? NO_SYMBOL : id;
    }

    /** A piece that is not to be used falls apart again. */
    private void add(String piece, Pieces.Spelling spelling) {
      Integer id = pieces.ids().get(piece);
      boolean unused = id != null && pieces.get(id).kind() == Pieces.Kind.UNUSED;
      int[] parts = unused ? unusedParts.get(piece) : null;
      if (parts == null) {
        spelling.add(piece);
        return;
      }
      add(text.substring(parts[0], parts[1]), spelling);
      add(text.substring(parts[1], parts[2]), spelling);
    }
  }
}
