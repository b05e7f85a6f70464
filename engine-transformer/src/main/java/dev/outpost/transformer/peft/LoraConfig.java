package dev.outpost.transformer.peft;

import java.util.List;

/**
 * How LoRA is attached (Hu et al. 2021).
 *
 * @param rank r ≥ 1
 * @param alpha the update is scaled by alpha / r
 * @param dropout probability of dropping an input of the update while training, in [0, 1)
 * @param targets projections by the end of their path: {@code attn.q}, {@code attn.v}, …; see
 *     {@link #ALL_PROJECTIONS}. Those a family does not have match nothing
 */
public record LoraConfig(int rank, float alpha, float dropout, List<String> targets) {
  /** Every projection of a block, whatever the family calls them; a block has some of these. */
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
    if (rank < 1) throw new IllegalArgumentException("lora: rank must be at least 1, got " + rank);
    if (!(alpha > 0) || Float.isInfinite(alpha))
      throw new IllegalArgumentException("lora: alpha must be positive and finite, got " + alpha);
    if (!(dropout >= 0 && dropout < 1))
      throw new IllegalArgumentException("lora: dropout must be in [0, 1), got " + dropout);
    if (targets.isEmpty())
      throw new IllegalArgumentException("lora: no target projections; use " + ALL_PROJECTIONS);
    targets = List.copyOf(targets);
  }

  /** Rank r on every projection with the usual alpha = 2r and no dropout. */
  public static LoraConfig of(int rank) {
    return new LoraConfig(rank, 2f * rank, 0, ALL_PROJECTIONS);
  }

  /**
   * The setting of the offsite-tuning experiments (Xiao et al. 2023, param_efficient.py): r = 4,
   * alpha = 32, dropout 0.1, all projections.
   */
  public static LoraConfig offsiteTuning() {
    return new LoraConfig(4, 32, 0.1f, ALL_PROJECTIONS);
  }

  /** alpha / r. */
  public float scale() {
    return alpha / rank;
  }
}
