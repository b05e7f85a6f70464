package dev.outpost.transformer.peft;

/**
 * How prefix tuning (Li & Liang 2021) is attached: keys and values that every query of a block's
 * attention sees besides, without the paper's network that makes them while training. They stand at
 * no position: the sequence keeps its own, and its whole context.
 *
 * @param tokens P: keys of each block, at least 1
 */
public record PrefixConfig(int tokens) implements PeftMethod {
  /** Spread of a fresh prefix. */
  static final float SPREAD = 0.02f;

  public PrefixConfig {
    Range.requirePositive("prefix", "tokens", tokens);
  }

  @Override
  public String name() {
    return "prefix";
  }

  @Override
  public boolean merges() {
    return false;
  }
}
