package dev.outpost.transformer.eval;

import java.util.Locale;

/** What is made of log-likelihoods, as lm-eval defines it. */
public enum Metric {
  /** Share of questions whose right choice has the highest log-likelihood. */
  ACC,
  /** The same with each log-likelihood divided by its choice's length in characters. */
  ACC_NORM,
  /** The same with each divided by its choice's length in UTF-8 bytes. */
  ACC_BYTES,
  /** Share of questions with a right choice of which every token is the likeliest. */
  EXACT_MATCH,
  /** exp of the negative log-likelihood per word of the original text. */
  WORD_PERPLEXITY,
  /** exp of the negative log-likelihood per UTF-8 byte of the original text. */
  BYTE_PERPLEXITY,
  /** Negative log-likelihood per byte in bits. */
  BITS_PER_BYTE;

  /** The name in results, such as {@code acc_norm}. */
  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  boolean isOfText() {
    return switch (this) {
      case ACC, ACC_NORM, ACC_BYTES, EXACT_MATCH -> false;
      case WORD_PERPLEXITY, BYTE_PERPLEXITY, BITS_PER_BYTE -> true;
    };
  }
}
