package dev.outpost.transformer;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.kernel.UnaryMap;

/**
 * The choices that make a transformer: what a family's {@code config.json} says, in our words.
 *
 * @param family {@code model_type} of the source format
 * @param vocabularySize V: rows of the token embedding
 * @param context longest sequence
 * @param width C
 * @param layers blocks of the full model
 * @param heads attention heads; C is a multiple
 * @param feedForwardWidth F
 * @param activation of the feed-forward part
 * @param normEps added to the variance in every norm
 * @param tiedHead whether the output head is the token embedding
 * @param layout how the source stores projection weights
 */
public record Spec(
    String family,
    int vocabularySize,
    int context,
    int width,
    int layers,
    int heads,
    int feedForwardWidth,
    UnaryMap activation,
    float normEps,
    boolean tiedHead,
    Linear.Layout layout) {
  public Spec {
    if (vocabularySize < 1
        || context < 1
        || width < 1
        || layers < 1
        || heads < 1
        || feedForwardWidth < 1)
      throw new IllegalArgumentException(
          "spec: vocabulary, context, width, layers, heads and feed-forward width must be positive");
    if (width % heads != 0)
      throw new IllegalArgumentException(
          "spec: width " + width + " must be a multiple of heads " + heads);
  }

  /** Parameters of one block. */
  public long blockParameters() {
    long c = width;
    long f = feedForwardWidth;
    return 4 * c + (3 * c * c + 3 * c) + (c * c + c) + (c * f + f) + (f * c + c);
  }

  /** Parameters of the full model, a tied head counted once. */
  public long parameters() {
    long c = width;
    return vocabularySize * c * (tiedHead ? 1 : 2)
        + context * c
        + layers * blockParameters()
        + 2 * c;
  }
}
