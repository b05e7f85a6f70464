package dev.outpost.transformer.text;

import java.util.Arrays;

/**
 * One or two texts as a model takes them.
 *
 * @param ids token ids, special ones and padding included
 * @param typeIds which text each token belongs to, as the tokenizer's files number them
 * @param attentionMask 1 for a token, 0 for padding
 */
@SuppressWarnings("ArrayRecordComponent") // handed to the caller, who owns them
public record Encoding(int[] ids, int[] typeIds, int[] attentionMask) {

  /** Checks that all have one length. */
  public Encoding {
    if (ids.length != typeIds.length || ids.length != attentionMask.length) {
      throw new IllegalArgumentException(
          "encoding: "
              + ids.length
              + " ids, "
              + typeIds.length
              + " type ids and "
              + attentionMask.length
              + " attentions must be equally many");
    }
  }

  /** Tokens, padding included. */
  public int length() {
    return ids.length;
  }

  /** This encoding brought to at least {@code length} tokens. */
  Encoding padded(int length, EncodingOptions.Padding padding) {
    int more = length - length();
    if (more <= 0) return this;
    int[] newIds = new int[length];
    int[] newTypes = new int[length];
    int[] newMask = new int[length];
    int at = padding.left() ? more : 0;
    Arrays.fill(newIds, padding.id());
    Arrays.fill(newTypes, padding.typeId());
    System.arraycopy(ids, 0, newIds, at, length());
    System.arraycopy(typeIds, 0, newTypes, at, length());
    System.arraycopy(attentionMask, 0, newMask, at, length());
    return new Encoding(newIds, newTypes, newMask);
  }
}
