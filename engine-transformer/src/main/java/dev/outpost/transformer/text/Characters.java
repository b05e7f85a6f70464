package dev.outpost.transformer.text;

/** Character classes as the reference's regular expressions see them, and repair of strings. */
final class Characters {
  private static final int WORD_TYPES =
      1 << Character.NON_SPACING_MARK
          | 1 << Character.ENCLOSING_MARK
          | 1 << Character.COMBINING_SPACING_MARK
          | 1 << Character.DECIMAL_DIGIT_NUMBER
          | 1 << Character.CONNECTOR_PUNCTUATION;
  private static final int SPACE_TYPES =
      1 << Character.SPACE_SEPARATOR
          | 1 << Character.LINE_SEPARATOR
          | 1 << Character.PARAGRAPH_SEPARATOR;

  private Characters() {}

  /** Unicode property White_Space. */
  static boolean isSpace(int c) {
    return c >= 0x9 && c <= 0xD || c == 0x85 || (SPACE_TYPES >> Character.getType(c) & 1) != 0;
  }

  /** What {@code \w} matches: letters, marks, digits, connectors, joiners (UTS 18, annex C). */
  static boolean isWord(int c) {
    return Character.isAlphabetic(c)
        || (WORD_TYPES >> Character.getType(c) & 1) != 0
        || c == 0x200C
        || c == 0x200D;
  }

  static boolean isWellFormed(String s) {
    for (int i = 0; i < s.length(); i++) {
      if (!Character.isSurrogate(s.charAt(i))) continue;
      if (!pairAt(s, i)) return false;
      i++;
    }
    return true;
  }

  /** The string with every unpaired surrogate replaced by U+FFFD. */
  static String wellFormed(String s) {
    if (isWellFormed(s)) return s;
    StringBuilder out = new StringBuilder(s);
    for (int i = 0; i < out.length(); i++) {
      if (!Character.isSurrogate(out.charAt(i))) continue;
      if (pairAt(out, i)) i++;
      else out.setCharAt(i, '\uFFFD');
    }
    return out.toString();
  }

  private static boolean pairAt(CharSequence s, int i) {
    return Character.isHighSurrogate(s.charAt(i))
        && i + 1 < s.length()
        && Character.isLowSurrogate(s.charAt(i + 1));
  }
}
