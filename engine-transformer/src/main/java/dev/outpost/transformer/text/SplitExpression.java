package dev.outpost.transformer.text;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A regular expression of a tokenizer file, which means what Oniguruma's Ruby syntax means by it,
 * run by the JDK. The expression of an unknown file may take exponential time: it runs under a
 * limit of steps that grows with the text.
 */
final class SplitExpression {
  private static final int FLAGS =
      Pattern.UNICODE_CHARACTER_CLASS | Pattern.MULTILINE | Pattern.UNIX_LINES;
  private static final long FREE_STEPS = 100_000;
  private static final long STEPS_PER_CHARACTER = 1_000;

  /** The words and runs of signs of the Whitespace pre-tokenizer, whose classes are the JDK's. */
  static final SplitExpression WORDS =
      new SplitExpression("\\w+|[^\\w\\s]+", "\\w+|[^\\w\\s]+", true);

  private final String expression;
  private final Pattern pattern;
  private final boolean trusted;

  private SplitExpression(String expression, String java, boolean trusted) {
    this.expression = expression;
    this.pattern = Pattern.compile(java, FLAGS);
    this.trusted = trusted;
  }

  /**
   * Translates an expression.
   *
   * @throws IllegalArgumentException if it is wrong, or holds what would mean something else here;
   *     the message says which part
   */
  static SplitExpression of(String expression) {
    String java = new OnigurumaTranslator(expression).translate();
    return new SplitExpression(expression, java, SplitPattern.isKnown(expression));
  }

  /**
   * Starts and ends of all matches; an empty match right behind another match is none.
   *
   * @throws IllegalArgumentException if the limit of steps is reached
   */
  IntList find(String text) {
    IntList found = new IntList(64);
    if (text.isEmpty()) return found;
    if (trusted) {
      find(pattern.matcher(text), text, found);
      return found;
    }
    try {
      find(pattern.matcher(new Limited(text)), text, found);
    } catch (TooManyStepsException | StackOverflowError e) {
      throw new IllegalArgumentException(
          "tokenizer: the expression "
              + expression
              + " takes too many steps on a text of "
              + text.length()
              + " characters; shorten the text, or use another tokenizer",
          e);
    }
    return found;
  }

  private static void find(Matcher m, String text, IntList found) {
    int last = -1;
    boolean more = m.find();
    while (more) {
      int end = m.end();
      boolean empty = m.start() == end;
      if (!empty || end != last) {
        found.add(m.start());
        found.add(end);
        last = end;
      }
      if (!empty) {
        more = m.find();
      } else {
        // The JDK would go on in the middle of a surrogate pair.
        if (end == text.length()) return;
        more = m.find(end + Character.charCount(text.codePointAt(end)));
      }
    }
  }

  private static final class TooManyStepsException extends RuntimeException {
    private static final long serialVersionUID = 1;

    TooManyStepsException() {
      super("too many steps", null, false, false);
    }
  }

  /** Counts how often the matcher looks at a character. */
  private static final class Limited implements CharSequence {
    private final String text;
    private long left;

    Limited(String text) {
      this.text = text;
      this.left = FREE_STEPS + STEPS_PER_CHARACTER * text.length();
    }

    @Override
    public char charAt(int i) {
      if (--left < 0) throw new TooManyStepsException();
      return text.charAt(i);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.substring(start, end);
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
