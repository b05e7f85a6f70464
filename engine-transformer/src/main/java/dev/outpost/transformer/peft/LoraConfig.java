package dev.outpost.transformer.peft;

import java.util.List;

/**
 * How LoRA (Hu et al. 2021) is attached, and its relatives: rank-stabilised LoRA (Kalajdzievski
 * 2023) differs in the scale, DoRA (Liu et al. 2024) learns the length of the weight's rows
 * besides.
 *
 * @param rank r ≥ 1
 * @param alpha the update is scaled by alpha / r, rank-stabilised by alpha / √r
 * @param dropout probability of dropping an input of the update while training, in [0, 1)
 * @param targets which projections, see {@link Targets}
 * @param rankStabilised whether the scale is alpha / √r
 * @param dora whether rows' lengths are learnt besides
 */
public record LoraConfig(
    int rank,
    float alpha,
    float dropout,
    List<String> targets,
    boolean rankStabilised,
    boolean dora)
    implements PeftMethod {
  /**
   * Every projection of a block, whatever the family calls them; a block has some of these, and
   * this very list may name what a family has not.
   */
  public static final List<String> ALL_PROJECTIONS =
      List.of(
          "attn.qkv",
          "attn.q",
          "attn.k",
          "attn.v",
          "attn.out",
          "mlp.gate",
          "mlp.up",
          "mlp.gate_up",
          "mlp.down");

  public LoraConfig {
    String name = dora ? "dora" : "lora";
    Range.requirePositive(name, "rank", rank);
    if (!(alpha > 0) || Float.isInfinite(alpha))
      throw new IllegalArgumentException(
          name + ": alpha must be positive and finite, got " + alpha);
    Range.requireDropout(name, dropout);
    targets = Targets.checked(name, targets);
  }

  /** LoRA as it was published. */
  public LoraConfig(int rank, float alpha, float dropout, List<String> targets) {
    this(rank, alpha, dropout, targets, false, false);
  }

  /** Rank r on every projection with the usual alpha = 2r and no dropout. */
  public static LoraConfig of(int rank) {
    return new LoraConfig(rank, 2f * rank, 0, ALL_PROJECTIONS);
  }

  /** The same as DoRA. */
  public static LoraConfig dora(int rank) {
    return new LoraConfig(rank, 2f * rank, 0, ALL_PROJECTIONS, false, true);
  }

  /**
   * The setting of the offsite-tuning experiments (Xiao et al. 2023, param_efficient.py): r = 4,
   * alpha = 32, dropout 0.1, all projections.
   */
  public static LoraConfig offsiteTuning() {
    return new LoraConfig(4, 32, 0.1f, ALL_PROJECTIONS);
  }

  @Override
  public String name() {
    return dora ? "dora" : "lora";
  }

  /** alpha / r, or alpha / √r. */
  public float scale() {
    return rankStabilised ? (float) (alpha / Math.sqrt(rank)) : alpha / rank;
  }
}
