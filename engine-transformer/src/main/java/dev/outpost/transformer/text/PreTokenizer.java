package dev.outpost.transformer.text;

import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Matcher;

/**
 * Cuts text into the words that are merged one by one.
 *
 * @param splits cuts in order, each within the pieces of the one before; matches and the text
 *     between them are pieces alike ("Isolated")
 * @param addPrefixSpace whether each piece is given a leading space it lacks
 * @param gpt2Split whether the GPT-2 cut follows, after the prefix space
 */
record PreTokenizer(List<SplitPattern> splits, boolean addPrefixSpace, boolean gpt2Split) {

  static PreTokenizer gpt2(boolean addPrefixSpace) {
    return new PreTokenizer(List.of(), addPrefixSpace, true);
  }

  /** Hands the words of a text to {@code words}, in order, none of them empty. */
  void split(String text, Consumer<String> words) {
    if (!text.isEmpty()) split(0, text, words);
  }

  private void split(int step, String piece, Consumer<String> words) {
    if (step < splits.size()) {
      isolate(splits.get(step), piece, p -> split(step + 1, p, words));
      return;
    }
    String word = addPrefixSpace && !piece.startsWith(" ") ? " " + piece : piece;
    if (gpt2Split) isolate(SplitPattern.GPT2, word, words);
    else words.accept(word);
  }

  private static void isolate(SplitPattern split, String text, Consumer<String> pieces) {
    Matcher m = split.pattern().matcher(text);
    int end = 0;
    while (m.find()) {
      if (m.start() > end) pieces.accept(text.substring(end, m.start()));
      if (m.end() > m.start()) pieces.accept(m.group());
      end = m.end();
    }
    if (end < text.length()) pieces.accept(text.substring(end));
  }
}
