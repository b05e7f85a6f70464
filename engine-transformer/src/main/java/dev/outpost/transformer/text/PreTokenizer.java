package dev.outpost.transformer.text;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** Cuts text into the words that the model spells one by one. */
sealed interface PreTokenizer {

  /** Takes the words. */
  @FunctionalInterface
  interface Words {
    /**
     * @param atStart whether the word begins where the whole text does
     */
    void accept(String word, boolean atStart);
  }

  /** Hands the words of a text that is not empty to {@code words}, in order, none of them empty. */
  void split(String text, boolean atStart, Words words);

  /** Several, each cutting the words of the one before; none at all leaves the text whole. */
  record Sequence(List<PreTokenizer> steps) implements PreTokenizer {
    @Override
    public void split(String text, boolean atStart, Words words) {
      split(0, text, atStart, words);
    }

    private void split(int step, String text, boolean atStart, Words words) {
      if (step == steps.size()) words.accept(text, atStart);
      else if (step == steps.size() - 1) steps.get(step).split(text, atStart, words);
      else steps.get(step).split(text, atStart, (w, first) -> split(step + 1, w, first, words));
    }
  }

  /**
   * GPT-2's.
   *
   * @param addPrefixSpace whether each piece is given a leading space it lacks
   * @param cut whether GPT-2's expression cuts
   * @param spell whether words are spelled in {@link ByteAlphabet}; false where the model takes
   *     their bytes itself
   */
  record ByteLevel(boolean addPrefixSpace, boolean cut, boolean spell) implements PreTokenizer {
    private static final SplitExpression GPT2 = SplitExpression.of(SplitPattern.GPT2);
    private static final TextPattern PATTERN = new TextPattern.Expression(GPT2);

    @Override
    public void split(String text, boolean atStart, Words words) {
      String piece = addPrefixSpace && !text.startsWith(" ") ? " " + text : text;
      Words out = spell ? (w, first) -> words.accept(spelled(w), first) : words;
      if (cut) SplitBehavior.ISOLATED.cut(piece, PATTERN, false, atStart, out);
      else out.accept(piece, atStart);
    }

    private static String spelled(String word) {
      return ByteAlphabet.spelling(word.getBytes(StandardCharsets.UTF_8));
    }
  }

  /**
   * Cuts at the matches of a pattern.
   *
   * @param inverted what does not match counts as the match
   */
  record Split(TextPattern pattern, SplitBehavior behavior, boolean inverted)
      implements PreTokenizer {
    @Override
    public void split(String text, boolean atStart, Words words) {
      behavior.cut(text, pattern, inverted, atStart, words);
    }
  }

  /** When Metaspace puts its sign before a text. */
  enum Prepend {
    ALWAYS,
    FIRST,
    NEVER
  }

  /** SentencePiece's: spaces become a visible sign, at which words begin. */
  record Metaspace(String sign, Prepend prepend, boolean cut) implements PreTokenizer {
    @Override
    public void split(String text, boolean atStart, Words words) {
      String marked = text.replace(" ", sign);
      boolean before =
          switch (prepend) {
            case ALWAYS -> true;
            case FIRST -> atStart;
            case NEVER -> false;
          };
      if (before && !marked.startsWith(sign)) marked = sign + marked;
      if (!cut) {
        words.accept(marked, atStart);
        return;
      }
      TextPattern pattern = new TextPattern.Literal(sign);
      SplitBehavior.MERGED_WITH_NEXT.cut(marked, pattern, false, atStart, words);
    }
  }

  /** Pieces of a number of characters. */
  record FixedLength(int length) implements PreTokenizer {
    @Override
    public void split(String text, boolean atStart, Words words) {
      for (int i = 0, end; i < text.length(); i = end) {
        int left = text.codePointCount(i, text.length());
        end = left <= length ? text.length() : text.offsetByCodePoints(i, length);
        words.accept(text.substring(i, end), atStart && i == 0);
      }
    }
  }
}
