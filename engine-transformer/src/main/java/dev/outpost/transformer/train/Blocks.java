package dev.outpost.transformer.train;

import dev.outpost.transformer.Input;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Rows of tokens of equal length, on the heap or in a mapped file: what language-model training and
 * perplexity read. The last position of a row predicts nothing.
 *
 * <p>Cut from one stream, the remainder is dropped; or each row is a range of the stream that may
 * be shorter, the rest of it filled with token 0 that nothing predicts.
 */
public final class Blocks implements Examples {
  /** Marks a token that is read but not learned: no position predicts it. */
  public static final int CONTEXT = 1 << 31;

  /** Marks the first token of a document. */
  public static final int FIRST = 1 << 30;

  private static final int ID = FIRST - 1;
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment tokens;
  private final int length;
  // Of row i: tokens [starts[i], starts[i] + sizes[i]).
  private final long[] starts;
  private final int[] sizes;
  private final boolean whole;

  private Blocks(MemorySegment tokens, int length, long[] starts, int[] sizes, boolean whole) {
    this.tokens = tokens;
    this.length = length;
    this.starts = starts;
    this.sizes = sizes;
    this.whole = whole;
  }

  /** Cuts {@code tokens} into blocks of {@code length} ≥ 2; fails when there is not even one. */
  public static Blocks of(int[] tokens, int length) {
    MemorySegment copy = MemorySegment.ofArray(new int[tokens.length]);
    for (int i = 0; i < tokens.length; i++) copy.setAtIndex(INT, i, tokens[i]);
    return of(copy, length);
  }

  /**
   * Cuts a stream of little-endian 32-bit tokens, marks included, into blocks of {@code length} ≥
   * 2. The segment is read in place and must stay open.
   */
  public static Blocks of(MemorySegment tokens, int length) {
    requireLength(length);
    long available = tokens.byteSize() / Integer.BYTES;
    if (available < length)
      throw new IllegalArgumentException(
          "blocks: the text has "
              + available
              + " tokens, fewer than one block of "
              + length
              + "; give more text or a shorter block");
    long[] starts = new long[Math.toIntExact(available / length)];
    Arrays.setAll(starts, i -> (long) i * length);
    int[] sizes = new int[starts.length];
    Arrays.fill(sizes, length);
    return new Blocks(tokens, length, starts, sizes, true);
  }

  /**
   * One row per range of the stream.
   *
   * @param starts first token of each row
   * @param sizes tokens of each row, 1 to {@code length}; the rest of it is padding
   */
  public static Blocks of(MemorySegment tokens, int length, long[] starts, int[] sizes) {
    requireLength(length);
    if (starts.length == 0 || starts.length != sizes.length)
      throw new IllegalArgumentException(
          "blocks: "
              + starts.length
              + " starts and "
              + sizes.length
              + " sizes; there must be one of each per row, and at least one row");
    for (int i = 0; i < starts.length; i++) {
      if (sizes[i] < 1 || sizes[i] > length)
        throw new IllegalArgumentException(
            "blocks: row " + i + " has " + sizes[i] + " tokens, must be 1 to " + length);
      if (starts[i] < 0 || starts[i] + sizes[i] > tokens.byteSize() / Integer.BYTES)
        throw new IllegalArgumentException("blocks: row " + i + " lies outside the tokens");
    }
    return new Blocks(tokens, length, starts.clone(), sizes.clone(), false);
  }

  private static void requireLength(int length) {
    if (length < 2)
      throw new IllegalArgumentException(
          "blocks: a block must have at least 2 tokens, got " + length);
  }

  @Override
  public int count() {
    return starts.length;
  }

  /** Tokens per block. */
  public int length() {
    return length;
  }

  /** Blocks {@code [from, to)} only. */
  public Blocks slice(int from, int to) {
    if (from >= to) throw new IllegalArgumentException("blocks: a slice needs at least one block");
    return new Blocks(
        tokens,
        length,
        Arrays.copyOfRange(starts, from, to),
        Arrays.copyOfRange(sizes, from, to),
        whole);
  }

  /** Some blocks, in this order; the tokens are shared. */
  public Blocks rows(int[] which) {
    if (which.length == 0)
      throw new IllegalArgumentException("blocks: a choice needs at least one block");
    long[] from = new long[which.length];
    int[] each = new int[which.length];
    for (int i = 0; i < which.length; i++) {
      from[i] = starts[which[i]];
      each[i] = sizes[which[i]];
    }
    return new Blocks(tokens, length, from, each, whole);
  }

  private int raw(int block, int position) {
    return tokens.getAtIndex(INT, starts[block] + position);
  }

  /** The tokens of the blocks, one after another. */
  public int[] ids(int[] blocks) {
    int[] out = new int[blocks.length * length];
    for (int i = 0; i < blocks.length; i++)
      for (int t = 0; t < sizes[blocks[i]]; t++) out[i * length + t] = raw(blocks[i], t) & ID;
    return out;
  }

  @Override
  public Batch batch(int[] which) {
    return new Batch(Input.of(ids(which)), which.length, length, targets(which));
  }

  @Override
  public String extent() {
    return count() + "x" + length;
  }

  /**
   * For each token of {@link #ids} the one after it in its block; −1 for the last, before a {@link
   * #CONTEXT} token and in padding.
   */
  public int[] targets(int[] blocks) {
    int[] out = new int[blocks.length * length];
    Arrays.fill(out, -1);
    for (int i = 0; i < blocks.length; i++) {
      for (int t = 1; t < sizes[blocks[i]]; t++) {
        int next = raw(blocks[i], t);
        if (next >= 0) out[i * length + t - 1] = next & ID;
      }
    }
    return out;
  }

  /** SHA-256 of the tokens in all blocks and of what is learned of them. */
  @Override
  public String sha256() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      ByteBuffer bytes = ByteBuffer.allocate(4 * (length + 1));
      for (int b = 0; b < count(); b++) {
        bytes.clear();
        if (!whole) bytes.putInt(sizes[b]);
        for (int t = 0; t < sizes[b]; t++) bytes.putInt(raw(b, t) & ~FIRST);
        digest.update(bytes.flip());
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
