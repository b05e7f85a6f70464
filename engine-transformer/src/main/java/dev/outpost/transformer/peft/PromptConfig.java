package dev.outpost.transformer.peft;

/**
 * How prompt tuning (Lester et al. 2021) is attached: vectors before the embedded tokens of every
 * sequence. They take its first positions, so the context that is left is so much shorter. They
 * start as the embeddings of tokens drawn from the vocabulary.
 *
 * @param tokens P: vectors, at least 1
 */
public record PromptConfig(int tokens) implements PeftMethod {
  public PromptConfig {
    Range.requirePositive("prompt", "tokens", tokens);
  }

  @Override
  public String name() {
    return "prompt";
  }

  @Override
  public boolean merges() {
    return false;
  }
}
