package dev.outpost.transformer.train;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * A token stream cut into blocks of equal length, the remainder dropped: what language-model
 * training and perplexity read. The last position of a block predicts nothing.
 */
public final class Blocks {
  private final int[] tokens;
  private final int length;
  private final int count;

  private Blocks(int[] tokens, int length) {
    this.tokens = tokens;
    this.length = length;
    this.count = tokens.length / length;
  }

  /** Cuts {@code tokens} into blocks of {@code length} ≥ 2; fails when there is not even one. */
  public static Blocks of(int[] tokens, int length) {
    if (length < 2)
      throw new IllegalArgumentException(
          "blocks: a block must have at least 2 tokens, got " + length);
    if (tokens.length < length)
      throw new IllegalArgumentException(
          "blocks: the text has "
              + tokens.length
              + " tokens, fewer than one block of "
              + length
              + "; give more text or a shorter block");
    return new Blocks(tokens.clone(), length);
  }

  /** Number of blocks. */
  public int count() {
    return count;
  }

  /** Tokens per block. */
  public int length() {
    return length;
  }

  /** Blocks {@code [from, to)} only. */
  public Blocks slice(int from, int to) {
    return of(Arrays.copyOfRange(tokens, from * length, to * length), length);
  }

  /** The tokens of the blocks, one after another. */
  public int[] ids(int[] blocks) {
    int[] out = new int[blocks.length * length];
    for (int i = 0; i < blocks.length; i++)
      System.arraycopy(tokens, blocks[i] * length, out, i * length, length);
    return out;
  }

  /** For each token of {@link #ids} the one after it in its block; −1 for the last. */
  public int[] targets(int[] blocks) {
    int[] out = new int[blocks.length * length];
    for (int i = 0; i < blocks.length; i++) {
      System.arraycopy(tokens, blocks[i] * length + 1, out, i * length, length - 1);
      out[(i + 1) * length - 1] = -1;
    }
    return out;
  }

  /**
   * SHA-256 of the tokens in all blocks, as 64 hexadecimal digits: whether two runs read the same
   * text.
   */
  public String sha256() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      ByteBuffer bytes = ByteBuffer.allocate(4 * length);
      for (int b = 0; b < count; b++) {
        bytes.clear().asIntBuffer().put(tokens, b * length, length);
        digest.update(bytes);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
