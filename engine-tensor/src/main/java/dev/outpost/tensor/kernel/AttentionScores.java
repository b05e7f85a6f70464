package dev.outpost.tensor.kernel;

import org.jspecify.annotations.Nullable;

/**
 * How a model makes attention's scores of a query at position i and a key at position j: {@code s =
 * cap(scale·q·k) + slope·(j − i)}, with {@code cap(x) = softcap·tanh(x / softcap)}; keys that a
 * query does not see have no weight.
 *
 * @param scale factor on the products, usually 1/√headDim
 * @param causal a query sees keys up to its own position; otherwise every key
 * @param window a causal query sees {@code i − window < j ≤ i} (Mistral, Gemma), one that looks
 *     both ways {@code |j − i| < window}; 0 for no window
 * @param softcap bound that products approach but do not pass (Gemma 2); 0 for none
 * @param slopes per query head, how much a score falls with each position of distance (ALiBi, Press
 *     et al. 2022), or null for none. The heads' array is kept, not copied
 */
public record AttentionScores(
    float scale, boolean causal, int window, float softcap, float @Nullable [] slopes) {
  public AttentionScores {
    if (window < 0)
      throw new IllegalArgumentException("attention: window must be 0 or positive, got " + window);
    if (!(softcap >= 0 && softcap < Float.POSITIVE_INFINITY))
      throw new IllegalArgumentException(
          "attention: soft cap must be 0 or positive, got " + softcap);
  }

  /** Each query sees its own position and all before it; the usual scale 1/√headDim. */
  public static AttentionScores causal(int headDim) {
    return new AttentionScores(usualScale(headDim), true, 0, 0, null);
  }

  /** Each query sees every key, as in an encoder; the usual scale 1/√headDim. */
  public static AttentionScores bidirectional(int headDim) {
    return new AttentionScores(usualScale(headDim), false, 0, 0, null);
  }

  /** The same, scaled by {@code scale}. */
  public AttentionScores withScale(float scale) {
    return new AttentionScores(scale, causal, window, softcap, slopes);
  }

  /** The same over a sliding window; 0 for none. */
  public AttentionScores withWindow(int window) {
    return new AttentionScores(scale, causal, window, softcap, slopes);
  }

  /** The same with products capped; 0 for none. */
  public AttentionScores withSoftcap(float softcap) {
    return new AttentionScores(scale, causal, window, softcap, slopes);
  }

  /** The same with a slope per query head; null for none. */
  public AttentionScores withSlopes(float @Nullable [] slopes) {
    return new AttentionScores(scale, causal, window, softcap, slopes);
  }

  /** The same for keys that stand at no position: every query sees all, none is nearer. */
  public AttentionScores withoutPositions() {
    return new AttentionScores(scale, false, 0, softcap, null);
  }

  /** How many positions beyond its own a query sees. */
  public int ahead() {
    if (causal) return 0;
    return window == 0 ? Integer.MAX_VALUE : window - 1;
  }

  /** How many positions before its own a query sees. */
  public int behind() {
    return window == 0 ? Integer.MAX_VALUE : window - 1;
  }

  /**
   * ALiBi's slopes: {@code 2^(−8h/n)} for h = 1 … n, n the largest power of two within {@code
   * heads}; heads beyond it take every other slope of 2n heads (Press et al. 2022; BLOOM).
   */
  public static float[] alibi(int heads) {
    if (heads <= 0)
      throw new IllegalArgumentException("attention: slopes of " + heads + " heads: need one");
    int n = Integer.highestOneBit(heads);
    float[] slopes = new float[heads];
    for (int h = 0; h < heads; h++)
      slopes[h] =
          (float)
              (h < n ? Math.pow(2, -8.0 * (h + 1) / n) : Math.pow(2, -4.0 * (2 * (h - n) + 1) / n));
    return slopes;
  }

  private static float usualScale(int headDim) {
    return (float) (1 / Math.sqrt(headDim));
  }
}
