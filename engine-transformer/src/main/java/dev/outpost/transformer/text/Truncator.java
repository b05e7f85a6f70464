package dev.outpost.transformer.text;

import java.util.Arrays;

/** Cuts one or two texts to a length, as the reference does. */
final class Truncator {
  private Truncator() {}

  /**
   * @param texts the second empty where there is none
   * @param added special tokens that will join them
   * @throws IllegalArgumentException if the limit leaves no room
   */
  static void cut(int[][] texts, boolean pair, int added, EncodingOptions.Truncation limit) {
    int most = limit.mostTokens() - added;
    if (most < 0) {
      throw new IllegalArgumentException(
          "truncation: a limit of "
              + limit.mostTokens()
              + " tokens has no room for "
              + added
              + " special ones");
    }
    int total = texts[0].length + texts[1].length;
    if (total <= most) return;
    if (most == 0) {
      texts[0] = new int[0];
      texts[1] = new int[0];
      return;
    }
    switch (limit.cut()) {
      case LONGEST_FIRST -> longestFirst(texts, pair, most, limit.left());
      case ONLY_FIRST -> only(texts, 0, total - most, limit);
      case ONLY_SECOND -> {
        if (!pair) {
          throw new IllegalArgumentException(
              "truncation: the second text is to be cut, and there is none");
        }
        only(texts, 1, total - most, limit);
      }
    }
  }

  /**
   * The ids of as many words as reach {@code most}; an added token never ends them.
   *
   * @param ends doubled ends of the words' ids, one more for an added token
   */
  static int[] wholeWords(int[] ids, IntList ends, int most, boolean left) {
    for (int i = 0; i < ends.size(); i++) {
      int at = left ? ends.size() - 1 - i : i;
      if ((ends.get(at) & 1) == 1) continue;
      int start = at == 0 ? 0 : ends.get(at - 1) >> 1;
      int end = ends.get(at) >> 1;
      if (!left && end >= most) return Arrays.copyOf(ids, end);
      if (left && ids.length - start >= most) return Arrays.copyOfRange(ids, start, ids.length);
    }
    return ids;
  }

  private static void longestFirst(int[][] texts, boolean pair, int most, boolean left) {
    if (!pair) {
      texts[0] = kept(texts[0], most, left);
      return;
    }
    boolean swapped = texts[0].length > texts[1].length;
    int shorter = Math.min(texts[0].length, texts[1].length);
    int longer = shorter > most ? shorter : Math.max(shorter, most - shorter);
    if (shorter + longer > most) {
      shorter = most / 2;
      longer = shorter + most % 2;
    }
    texts[0] = kept(texts[0], swapped ? longer : shorter, left);
    texts[1] = kept(texts[1], swapped ? shorter : longer, left);
  }

  private static void only(int[][] texts, int which, int less, EncodingOptions.Truncation limit) {
    int length = texts[which].length;
    if (length <= less) {
      throw new IllegalArgumentException(
          "truncation: the text to be cut has "
              + length
              + " tokens, and "
              + less
              + " would have to go to keep to "
              + limit.mostTokens());
    }
    texts[which] = kept(texts[which], length - less, limit.left());
  }

  private static int[] kept(int[] ids, int length, boolean left) {
    if (ids.length <= length) return ids;
    return left
        ? Arrays.copyOfRange(ids, ids.length - length, ids.length)
        : Arrays.copyOf(ids, length);
  }
}
