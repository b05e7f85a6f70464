package dev.outpost.transformer.data;

import java.util.Arrays;
import java.util.function.Function;

/**
 * A context and its continuation as tokens, split as lm-eval does: white space at the context's end
 * goes to the continuation, both are encoded as one text, and as many tokens are cut off the front
 * as the context alone has. So " blue" after "The sky is" is one token, as the model saw it in
 * training.
 *
 * @param context tokens of the context alone
 * @param continuation the rest
 */
public record TokenPair(int[] context, int[] continuation) {
  /**
   * Splits. Either side may come out empty.
   *
   * @param encode text to tokens, with what stands before every text if the model expects it
   */
  public static TokenPair of(Function<String, int[]> encode, String context, String continuation) {
    int[] alone = encode.apply(Whitespace.stripTrailing(context));
    int[] whole = encode.apply(context + continuation);
    return new TokenPair(
        alone, Arrays.copyOfRange(whole, Math.min(alone.length, whole.length), whole.length));
  }
}
