package dev.outpost.tensor.kernel;

import dev.outpost.tensor.ShapeException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The sizes of one attention call, and which key each query sees. Query t of a sequence stands at
 * position {@code t + (keys − queries)}, key j at position j.
 *
 * @param batch sequences
 * @param queries query positions per sequence
 * @param keys key positions per sequence, at least {@code queries} when causal
 * @param heads query heads
 * @param kvHeads key/value heads; query head h reads head {@code h / (heads / kvHeads)}
 * @param headDim numbers per head
 * @param scores how products become scores, and how far a query sees
 * @param lengths per sequence, how many of its keys are there: the rest is padding on the right,
 *     which no query sees; null when all are. The array is kept, not copied
 */
public record AttentionShape(
    int batch,
    int queries,
    int keys,
    int heads,
    int kvHeads,
    int headDim,
    AttentionScores scores,
    int @Nullable [] lengths) {
  public AttentionShape {
    if (kvHeads <= 0 || heads % kvHeads != 0)
      throw new ShapeException(
          "attention", "query heads must be a multiple of key heads", heads, kvHeads);
    if (scores.causal() && keys < queries)
      throw new ShapeException(
          "attention", "causal attention needs at least as many keys as queries", queries, keys);
    float[] slopes = scores.slopes();
    if (slopes != null && slopes.length != heads)
      throw new ShapeException("attention", "needs a slope per head", slopes.length, heads);
    if (lengths != null && lengths.length != batch)
      throw new ShapeException("attention", "needs a length per sequence", lengths.length, batch);
    if (lengths != null && !Arrays.stream(lengths).allMatch(n -> n >= 0 && n <= keys))
      throw new ShapeException(
          "attention", "lengths must be within 0 … keys", Arrays.toString(lengths), keys);
  }

  /** Sequences without padding. */
  public AttentionShape(
      int batch,
      int queries,
      int keys,
      int heads,
      int kvHeads,
      int headDim,
      AttentionScores scores) {
    this(batch, queries, keys, heads, kvHeads, headDim, scores, null);
  }

  /** Sequences without padding, scores that are only scaled. */
  public AttentionShape(
      int batch,
      int queries,
      int keys,
      int heads,
      int kvHeads,
      int headDim,
      float scale,
      boolean causal) {
    this(
        batch,
        queries,
        keys,
        heads,
        kvHeads,
        headDim,
        new AttentionScores(scale, causal, 0, 0, null));
  }

  /** Causal self-attention of equal query and key heads with the usual scale. */
  public static AttentionShape causal(int batch, int time, int heads, int headDim) {
    return new AttentionShape(
        batch, time, time, heads, heads, headDim, AttentionScores.causal(headDim));
  }

  /** The same for sequences of these lengths; null for full ones. */
  public AttentionShape withLengths(int @Nullable [] lengths) {
    return new AttentionShape(batch, queries, keys, heads, kvHeads, headDim, scores, lengths);
  }

  /** Position of query t. */
  public int position(int query) {
    return query + keys - queries;
  }

  /** Keys of a sequence that are not padding. */
  public int length(int sequence) {
    return lengths == null ? keys : lengths[sequence];
  }

  /** The first key that a query sees, where it sees any; never less for a later query. */
  public int firstKey(int query) {
    return (int) Math.max(0, (long) position(query) - scores.behind());
  }

  /**
   * The key behind the last that a query sees; at most {@link #firstKey} when it sees none. Never
   * less for a later query.
   */
  public int endKey(int sequence, int query) {
    return Math.clamp(1L + position(query) + scores.ahead(), 0, length(sequence));
  }
}
