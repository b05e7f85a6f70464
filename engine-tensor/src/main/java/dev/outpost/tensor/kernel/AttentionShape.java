package dev.outpost.tensor.kernel;

import dev.outpost.tensor.ShapeException;

/**
 * The sizes of one attention call.
 *
 * @param batch sequences
 * @param queries query positions per sequence
 * @param keys key positions per sequence, at least {@code queries} when causal
 * @param heads query heads
 * @param kvHeads key/value heads; query head h reads head {@code h / (heads / kvHeads)}
 * @param headDim numbers per head
 * @param scale factor on the scores, usually 1/√headDim
 * @param causal query t sees keys 0 … t + (keys − queries); otherwise every key
 */
public record AttentionShape(
    int batch,
    int queries,
    int keys,
    int heads,
    int kvHeads,
    int headDim,
    float scale,
    boolean causal) {
  public AttentionShape {
    if (kvHeads <= 0 || heads % kvHeads != 0)
      throw new ShapeException(
          "attention", "query heads must be a multiple of key heads", heads, kvHeads);
    if (causal && keys < queries)
      throw new ShapeException(
          "attention", "causal attention needs at least as many keys as queries", queries, keys);
  }

  /** Causal self-attention of equal query and key heads with the usual scale. */
  public static AttentionShape causal(int batch, int time, int heads, int headDim) {
    return new AttentionShape(
        batch, time, time, heads, heads, headDim, (float) (1 / Math.sqrt(headDim)), true);
  }
}
