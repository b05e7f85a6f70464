package dev.outpost.transformer;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.layer.Norm;

/**
 * The choices that make a transformer: what a family's {@code config.json} says, in our words.
 *
 * @param family {@code model_type} of the source format
 * @param vocabularySize V: rows of the token embedding
 * @param context longest sequence
 * @param width C
 * @param layers blocks of the full model
 * @param attention heads and their projections
 * @param feedForward the other half of a block
 * @param norm which norm, everywhere
 * @param normEps added to the variance or mean square in every norm
 * @param positions how the model knows the order of tokens
 * @param tiedHead whether the output head is the token embedding
 * @param layout how the source stores projection weights
 */
public record Spec(
    String family,
    int vocabularySize,
    int context,
    int width,
    int layers,
    Attention attention,
    FeedForward feedForward,
    Norm.Kind norm,
    float normEps,
    Positions positions,
    boolean tiedHead,
    Linear.Layout layout) {
  /**
   * @param heads query heads
   * @param kvHeads key and value heads; {@code heads} is a multiple
   * @param headDim D: numbers per head
   * @param fused whether query, key and value are one projection
   * @param inputBias whether the query, key and value projections have biases
   * @param outputBias whether the output projection has one
   */
  public record Attention(
      int heads, int kvHeads, int headDim, boolean fused, boolean inputBias, boolean outputBias) {
    public Attention {
      if (heads < 1 || kvHeads < 1 || headDim < 1)
        throw new IllegalArgumentException(
            "spec: heads, key-value heads and head size must be positive");
      if (heads % kvHeads != 0)
        throw new IllegalArgumentException(
            "spec: heads " + heads + " must be a multiple of key-value heads " + kvHeads);
    }

    /** Columns of all queries, and of the output projection's input. */
    public int queryWidth() {
      return heads * headDim;
    }

    /** Columns of all keys, and of all values. */
    public int keyWidth() {
      return kvHeads * headDim;
    }
  }

  /**
   * @param width F
   * @param activation between the projections
   * @param gated whether the activation is of a second projection that multiplies the first
   * @param bias whether the projections have biases
   */
  public record FeedForward(int width, UnaryMap activation, boolean gated, boolean bias) {
    public FeedForward {
      if (width < 1)
        throw new IllegalArgumentException("spec: the feed-forward width must be positive");
    }
  }

  /** How a model knows the order of tokens. */
  public sealed interface Positions {
    /** A table [context, C] added to the token embedding. */
    record Learned() implements Positions {}

    /**
     * Queries and keys turned by their position (Su et al. 2021).
     *
     * @param theta base of the frequencies
     * @param pairs of numbers turned in each head, at most D/2
     */
    record Rotary(double theta, int pairs) implements Positions {}
  }

  public Spec {
    if (vocabularySize < 1 || context < 1 || width < 1 || layers < 1)
      throw new IllegalArgumentException(
          "spec: vocabulary, context, width and layers must be positive");
    if (positions instanceof Positions.Rotary r && 2L * r.pairs() > attention.headDim())
      throw new IllegalArgumentException(
          "spec: " + r.pairs() + " rotary pairs do not fit a head of " + attention.headDim());
  }

  /** Parameters of one block. */
  public long blockParameters() {
    long c = width;
    long q = attention.queryWidth();
    long kv = 2L * attention.keyWidth();
    long f = feedForward.width();
    long wide = feedForward.gated() ? 2 * f : f;
    return 2 * normParameters()
        + c * (q + kv)
        + (attention.inputBias() ? q + kv : 0)
        + q * c
        + (attention.outputBias() ? c : 0)
        + c * wide
        + f * c
        + (feedForward.bias() ? wide + c : 0);
  }

  private long normParameters() {
    return switch (norm) {
      case LAYER -> 2L * width;
      case RMS -> width;
    };
  }

  /** Parameters of the full model, a tied head counted once. */
  public long parameters() {
    long c = width;
    long places =
        switch (positions) {
          case Positions.Learned l -> context * c;
          case Positions.Rotary r -> 0;
        };
    return vocabularySize * c * (tiedHead ? 1 : 2)
        + places
        + layers * blockParameters()
        + normParameters();
  }
}
