package dev.outpost.transformer.text;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * What is done to the ids of a text beyond spelling it.
 *
 * @param addSpecialTokens whether the special tokens that frame a text in this tokenizer's files
 *     are added, such as begin-of-text
 * @param truncation how a long text is cut; empty for not at all
 * @param padding how a short one is filled up; empty for not at all
 */
public record EncodingOptions(
    boolean addSpecialTokens, Optional<Truncation> truncation, Optional<Padding> padding) {

  /** The text's own ids, nothing added, nothing cut. */
  public static final EncodingOptions PLAIN =
      new EncodingOptions(false, Optional.empty(), Optional.empty());

  /** Framed by the special tokens that the files name, nothing cut. */
  public static final EncodingOptions FRAMED =
      new EncodingOptions(true, Optional.empty(), Optional.empty());

  /** Which of two texts is cut. */
  public enum Cut {
    /** The longer one, then both. */
    LONGEST_FIRST,
    /** The first. */
    ONLY_FIRST,
    /** The second. */
    ONLY_SECOND
  }

  /**
   * A limit on an encoding's length.
   *
   * @param mostTokens special tokens included
   * @param left whether tokens fall away at a text's beginning instead of its end
   */
  public record Truncation(int mostTokens, Cut cut, boolean left) {
    /** Checks the limit. */
    public Truncation {
      if (mostTokens < 0) {
        throw new IllegalArgumentException(
            "truncation: the limit must not be negative, is " + mostTokens);
      }
    }
  }

  /**
   * Tokens that fill up an encoding.
   *
   * @param length to which length; empty for that of the longest of a batch, one alone being that
   * @param multipleOf the length is raised to a multiple of this; 0 or 1 for none
   * @param left whether padding stands before the text
   */
  public record Padding(OptionalInt length, int multipleOf, boolean left, int id, int typeId) {
    private static final int MOST = 1 << 24;

    /** Checks the lengths. */
    public Padding {
      if (length.orElse(0) < 0 || length.orElse(0) > MOST || multipleOf < 0 || multipleOf > MOST) {
        throw new IllegalArgumentException(
            "padding: length " + length + " and multiple " + multipleOf + " must be 0 to " + MOST);
      }
    }

    /** The length for a batch whose longest member has {@code longest} tokens. */
    int lengthFor(int longest) {
      int length = this.length.orElse(longest);
      return multipleOf > 1 ? Math.ceilDiv(length, multipleOf) * multipleOf : length;
    }
  }
}
