package dev.outpost.transformer.text;

import java.util.Set;

/**
 * The regular expressions by which the known families cut text into words. Each takes time
 * proportional to the text; any other expression of a file runs under a limit of steps.
 */
final class SplitPattern {
  /** GPT-2, OPT, RoBERTa, Pythia: contractions, letters, numbers, other, white space. */
  static final String GPT2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  /** Llama 3: numbers in groups of three, line ends stay with what precedes them. */
  static final String LLAMA3 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /** Qwen 2 and later: as Llama 3, with single digits. */
  static final String QWEN2 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /** BLOOM: runs without white space and punctuation; what lies between is a word too. */
  static final String BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+";

  /** GPT-4o and those that took its vocabulary: words end where small letters meet capitals. */
  static final String O200K =
      "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
          + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
          + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
          + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
          + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /** DeepSeek: numbers, then Chinese and Japanese, then the rest, one cut after the other. */
  static final String DEEPSEEK =
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
          + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  private static final Set<String> KNOWN =
      Set.of(GPT2, LLAMA3, QWEN2, BLOOM, O200K, DEEPSEEK, "\\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+");

  private SplitPattern() {}

  static boolean isKnown(String expression) {
    return KNOWN.contains(expression);
  }
}
