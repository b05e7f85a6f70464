package dev.outpost.transformer.text;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer.Form;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;

/**
 * What happens to a text before it is cut into words: each kind as the reference library does it,
 * character for character.
 */
sealed interface Normalizer
    permits Normalizer.Sequence, Normalizer.Step, Precompiled, SentencePieceNormalizer {

  /**
   * A stretch of text under way through the steps.
   *
   * @param atStart whether its first character comes from the first character of the whole text,
   *     which Metaspace asks for
   */
  record Span(String text, boolean atStart) {
    Span with(String other) {
      return new Span(other, atStart);
    }

    /** Another text, without the characters that stood first. */
    Span without(String other) {
      return new Span(other, false);
    }
  }

  Span apply(Span in);

  default String apply(String text) {
    return apply(new Span(text, true)).text();
  }

  /** Several, one after the other; none at all leaves the text as it is. */
  record Sequence(List<Normalizer> steps) implements Normalizer {
    @Override
    public Span apply(Span in) {
      Span span = in;
      for (Normalizer step : steps) {
        span = step.apply(span);
        requireModest(in.text(), span.text());
      }
      return span;
    }

    /** A file may hold a chain of replacements each of which multiplies the text. */
    private static void requireModest(String in, String out) {
      if (out.length() > (1 << 20) && out.length() / 64 > in.length()) {
        throw new IllegalArgumentException(
            "normalizer: blows up a text of "
                + in.length()
                + " characters to "
                + out.length()
                + "; the tokenizer's replacements multiply it");
      }
    }
  }

  /** A step without parts. */
  sealed interface Step extends Normalizer {}

  /** Unicode normal forms, by the reference's tables. */
  record UnicodeForm(Form form) implements Step {
    @Override
    public Span apply(Span in) {
      String text = in.text();
      if (java.text.Normalizer.isNormalized(text, form)) return in;
      StringBuilder out = new StringBuilder(text.length() + 8);
      int done = 0;
      for (int i = 0, c; i < text.length(); i += Character.charCount(c)) {
        c = text.codePointAt(i);
        if (!ReferenceUnicode.NORMALIZATION.has(c)) continue;
        out.append(java.text.Normalizer.normalize(text.substring(done, i), form));
        out.appendCodePoint(c);
        done = i + Character.charCount(c);
      }
      return in.with(
          out.append(java.text.Normalizer.normalize(text.substring(done), form)).toString());
    }
  }

  /** Lower case, character by character: no final sigma, no language. */
  record Lowercase() implements Step {
    @Override
    public Span apply(Span in) {
      StringBuilder out = new StringBuilder(in.text().length() + 1);
      in.text().codePoints().forEach(c -> lower(c, out));
      return in.with(out.toString());
    }

    private static void lower(int c, StringBuilder out) {
      if (c == 0x130) out.append("i\u0307");
      // Unicode 17, which the reference knows.
      else if (c == 0xA7CE || c == 0xA7D2 || c == 0xA7D4) out.append((char) (c + 1));
      else if (c >= 0x16EA0 && c <= 0x16EB8) out.appendCodePoint(c + 0x1B);
      else out.appendCodePoint(Character.toLowerCase(c));
    }
  }

  /** Removes every combining mark. */
  record StripAccents() implements Step {
    @Override
    public Span apply(Span in) {
      return map(in, c -> !ReferenceUnicode.MARK.has(c), c -> c);
    }
  }

  /** Removes white space at the ends. */
  record Strip(boolean left, boolean right) implements Step {
    @Override
    public Span apply(Span in) {
      String text = in.text();
      int from = 0;
      int to = text.length();
      while (left && from < to && Characters.isSpace(text.charAt(from))) from++;
      while (right && to > from && Characters.isSpace(text.charAt(to - 1))) to--;
      String stripped = text.substring(from, to);
      return from == 0 ? in.with(stripped) : in.without(stripped);
    }
  }

  /** Puts something else in the place of each match. */
  record Replace(TextPattern pattern, String content) implements Step {
    @Override
    public Span apply(Span in) {
      String text = in.text();
      IntList matches = pattern.find(text);
      if (matches.size() == 0) return in;
      StringBuilder out = new StringBuilder(text.length());
      int done = 0;
      for (int i = 0; i < matches.size(); i += 2) {
        out.append(text, done, matches.get(i)).append(content);
        done = matches.get(i + 1);
      }
      out.append(text, done, text.length());
      // What replaces several characters counts as coming from the last of them.
      boolean kept =
          matches.get(0) > 0
              || matches.get(1) <= (content.isEmpty() ? 0 : text.offsetByCodePoints(0, 1));
      return kept ? in.with(out.toString()) : in.without(out.toString());
    }
  }

  /** Puts something before a text that is not empty. */
  record Prepend(String content) implements Step {
    @Override
    public Span apply(Span in) {
      return in.text().isEmpty() ? in : in.with(content + in.text());
    }
  }

  /**
   * BERT's cleaning.
   *
   * @param clean control characters go, all white space becomes a space
   * @param spaceIdeographs Chinese characters are set between spaces
   * @param stripAccents NFD without non-spacing marks
   */
  record Bert(boolean clean, boolean spaceIdeographs, boolean stripAccents, boolean lowercase)
      implements Step {
    @Override
    public Span apply(Span in) {
      Span span = in;
      if (clean) span = map(span, c -> !removed(c), c -> Characters.isSpace(c) ? ' ' : c);
      if (spaceIdeographs) {
        StringBuilder out = new StringBuilder(span.text().length());
        span.text()
            .codePoints()
            .forEach(c -> {
              if (isIdeograph(c)) out.append(' ').appendCodePoint(c).append(' ');
              else out.appendCodePoint(c);
            });
        span = span.with(out.toString());
      }
      if (stripAccents) {
        span = new UnicodeForm(Form.NFD).apply(span);
        span = map(span, c -> !ReferenceUnicode.NONSPACING.has(c), c -> c);
      }
      return lowercase ? new Lowercase().apply(span) : span;
    }

    private static boolean removed(int c) {
      if (c == '\t' || c == '\n' || c == '\r') return false;
      return c == 0xFFFD || ReferenceUnicode.CONTROL.has(c);
    }

    private static boolean isIdeograph(int c) {
      return c >= 0x4E00 && c <= 0x9FFF
          || c >= 0x3400 && c <= 0x4DBF
          || c >= 0x20000 && c <= 0x2A6DF
          || c >= 0x2A700 && c <= 0x2B81F
          || c >= 0x2B920 && c <= 0x2CEAF
          || c >= 0xF900 && c <= 0xFAFF
          || c >= 0x2F800 && c <= 0x2FA1F;
    }
  }

  /** The cleaning of machine translation's corpora, as SentencePiece has it. */
  record Nmt() implements Step {
    @Override
    public Span apply(Span in) {
      return map(in, c -> !removed(c), c -> isSpace(c) ? ' ' : c);
    }

    private static boolean removed(int c) {
      return c >= 1 && c <= 8
          || c == 0xB
          || c >= 0xE && c <= 0x1F
          || c == 0x7F
          || c == 0x8F
          || c == 0x9F;
    }

    private static boolean isSpace(int c) {
      return switch (c) {
        case '\t', '\n', '\f', '\r', 0x1680, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD -> true;
        default -> c >= 0x200B && c <= 0x200F;
      };
    }
  }

  /** UTF-8, each byte as its character of {@link ByteAlphabet}. */
  record ByteLevel() implements Step {
    @Override
    public Span apply(Span in) {
      return in.with(ByteAlphabet.spelling(in.text().getBytes(StandardCharsets.UTF_8)));
    }
  }

  private static Span map(Span in, IntPredicate keep, IntUnaryOperator to) {
    String text = in.text();
    StringBuilder out = new StringBuilder(text.length());
    text.codePoints().filter(keep).map(to).forEach(out::appendCodePoint);
    boolean dropped = !text.isEmpty() && !keep.test(text.codePointAt(0));
    return dropped ? in.without(out.toString()) : in.with(out.toString());
  }
}
