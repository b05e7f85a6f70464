package dev.outpost.transformer.data;

import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import java.util.Arrays;
import java.util.OptionalInt;

/**
 * Turns examples into marked tokens. All parts are encoded as one text, so that the model sees it
 * as at use; a part ends with as many tokens as the text up to there has alone.
 */
record ExampleTokens(Tokenizer tokenizer) {
  /** The example's tokens with {@link Blocks#CONTEXT} and {@link Blocks#FIRST}. */
  int[] of(Example e) {
    int[] ids = encode(e, e.whole());
    OptionalInt end = e.last() ? tokenizer.endOfText() : OptionalInt.empty();
    int[] out = Arrays.copyOf(ids, ids.length + (end.isPresent() ? 1 : 0));
    StringBuilder text = new StringBuilder();
    int from = 0;
    boolean learned = true;
    for (int i = 0; i < e.parts().size(); i++) {
      Example.Part p = e.parts().get(i);
      text.append(p.text());
      learned = p.learned();
      int to =
          i == e.parts().size() - 1
              ? ids.length
              : Math.max(from, boundary(e, text.toString(), ids));
      if (!learned) for (int t = from; t < to; t++) out[t] |= Blocks.CONTEXT;
      from = to;
    }
    if (end.isPresent()) out[ids.length] = end.getAsInt() | (learned ? 0 : Blocks.CONTEXT);
    if (e.first() && out.length > 0) out[0] |= Blocks.FIRST;
    return out;
  }

  /** What begins a text stands before its first part only. */
  private int[] encode(Example e, String text) {
    return e.first() ? tokenizer.begun(text) : tokenizer.encode(text);
  }

  /**
   * Where the tokens of the text so far are not those that the whole begins with, a token crosses
   * the seam; then white space at the seam belongs to what follows, as in {@link TokenPair}.
   */
  private int boundary(Example e, String text, int[] whole) {
    int[] alone = encode(e, text);
    if (alone.length <= whole.length
        && Arrays.equals(alone, 0, alone.length, whole, 0, alone.length)) return alone.length;
    return Math.min(whole.length, encode(e, Whitespace.stripTrailing(text)).length);
  }
}
