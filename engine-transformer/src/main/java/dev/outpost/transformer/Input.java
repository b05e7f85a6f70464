package dev.outpost.transformer;

import dev.outpost.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** What a model reads. Arrays are shared, not copied. */
public sealed interface Input {
  /**
   * Text.
   *
   * @param ids batch·time of them, sequence by sequence
   * @param types the kind of each token, as BERT tells two sentences apart; null for all 0
   */
  record Tokens(int[] ids, int @Nullable [] types) implements Input {}

  /**
   * Pictures.
   *
   * @param pixels [batch, channels, height, width], in the range that the model was trained on
   */
  record Images(Tensor pixels) implements Input {}

  /** Tokens of type 0. */
  static Input of(int... ids) {
    return new Tokens(ids, null);
  }

  /** Tokens and their types. */
  static Input of(int[] ids, int[] types) {
    return new Tokens(ids, types);
  }

  /** Pictures. */
  static Input of(Tensor pixels) {
    return new Images(pixels);
  }
}
