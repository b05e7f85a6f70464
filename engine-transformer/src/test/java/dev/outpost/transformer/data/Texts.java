package dev.outpost.transformer.data;

import dev.outpost.transformer.text.BytePairTrainer;
import dev.outpost.transformer.text.Tokenizer;
import java.util.List;

/** A small vocabulary of English for tests of data and evaluation. */
public final class Texts {
  private static final String ENGLISH =
      "The sky is blue and the question is: what colour is the sky? Answer: blue. ".repeat(20);

  private Texts() {}

  /** 300 tokens: bytes, some words with the space before them, end-of-text. */
  public static Tokenizer tokenizer() {
    return BytePairTrainer.of(300).train(List.of(ENGLISH));
  }
}
