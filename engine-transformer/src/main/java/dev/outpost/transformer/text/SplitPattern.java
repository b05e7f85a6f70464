package dev.outpost.transformer.text;

import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The regular expressions that cut text into words before merging. A closed list: an expression
 * from a file could mean something else in Java, or take forever.
 */
enum SplitPattern {
  /** GPT-2, OPT, RoBERTa, Pythia: contractions, letters, numbers, other, white space. */
  GPT2("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"),
  /** Llama 3: numbers in groups of three, line ends stay with what precedes them. */
  LLAMA3(
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"),
  /** Qwen 2 and later: as Llama 3, with single digits. */
  QWEN2(
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"),
  /** BLOOM: runs without white space and punctuation; what lies between is a word too. */
  BLOOM(" ?[^(\\s|[.,!?…。，、।۔،])]+"),
  /** Every digit alone: the Digits pre-tokenizer with individual_digits. */
  DIGIT("\\p{N}"),
  /** Runs of digits: the Digits pre-tokenizer without individual_digits. */
  DIGITS("\\p{N}+");

  private final String expression;

  // Compiled when first used: a tokenizer needs one or two of them.
  @SuppressWarnings("ImmutableEnumChecker") // the same whoever compiles it
  private volatile @Nullable Pattern pattern;

  SplitPattern(String expression) {
    this.expression = expression;
  }

  /** The expression as tokenizer files spell it. */
  String expression() {
    return expression;
  }

  Pattern pattern() {
    Pattern p = pattern;
    if (p == null) pattern = p = Pattern.compile(expression, Pattern.UNICODE_CHARACTER_CLASS);
    return p;
  }

  static Optional<SplitPattern> spelled(String expression) {
    for (SplitPattern p : values()) {
      if (p.expression.equals(expression)) return Optional.of(p);
    }
    return Optional.empty();
  }
}
