package dev.outpost.transformer.data;

import dev.outpost.transformer.train.Blocks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * How documents become rows of a batch. Tokens of one row see each other whatever document they
 * belong to; rows know nothing of one another. Rows in which nothing is learned are left out.
 */
public enum Packing {
  /** One stream cut anywhere: nothing is padding, the remainder is dropped. For text. */
  STREAM,
  /** Whole documents, as many as fit; a longer one is cut. Little padding. */
  WHOLE,
  /** One document per row; a longer one is cut. Rows are as long as the longest needs. */
  ONE;

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * Makes rows of at most {@code length} tokens.
   *
   * @throws IllegalArgumentException when there is not one in which something is learned
   */
  public Blocks pack(MemorySegment tokens, int length) {
    long n = tokens.byteSize() / Integer.BYTES;
    if (this == STREAM && !hasContext(tokens, n)) return Blocks.of(tokens, length);
    Rows rows = new Rows(tokens, length);
    switch (this) {
      case STREAM -> {
        for (long at = 0; at + length <= n; at += length) rows.add(at, length);
      }
      case WHOLE -> whole(tokens, n, length, rows);
      case ONE -> {
        for (long at = 0; at < n; ) {
          long end = documentEnd(tokens, n, at);
          rows.addCut(at, end);
          at = end;
        }
      }
    }
    return rows.toBlocks(this == ONE);
  }

  /** Next fit: a document that does not fit begins a new row. */
  private static void whole(MemorySegment tokens, long n, int length, Rows rows) {
    long row = 0;
    for (long at = 0; at < n; ) {
      long end = documentEnd(tokens, n, at);
      if (end - row > length) {
        rows.addCut(row, at);
        row = at;
      }
      at = end;
    }
    rows.addCut(row, n);
  }

  private static boolean hasContext(MemorySegment tokens, long n) {
    for (long i = 0; i < n; i++) if (tokens.getAtIndex(INT, i) < 0) return true;
    return false;
  }

  private static long documentEnd(MemorySegment tokens, long n, long start) {
    long end = start + 1;
    while (end < n && (tokens.getAtIndex(INT, end) & Blocks.FIRST) == 0) end++;
    return end;
  }

  /** Rows being collected: 12 bytes each. */
  private static final class Rows {
    private final MemorySegment tokens;
    private final int length;
    private long[] starts = new long[64];
    private int[] sizes = new int[64];
    private int count;
    private int longest;

    Rows(MemorySegment tokens, int length) {
      this.tokens = tokens;
      this.length = length;
    }

    /** A range in pieces of a row's length. */
    void addCut(long from, long to) {
      for (long at = from; at < to; at += length) add(at, (int) Math.min(length, to - at));
    }

    void add(long start, int size) {
      if (!learns(start, size)) return;
      if (count == starts.length) {
        starts = Arrays.copyOf(starts, 2 * count);
        sizes = Arrays.copyOf(sizes, 2 * count);
      }
      starts[count] = start;
      sizes[count++] = size;
      longest = Math.max(longest, size);
    }

    /** A row's first token is predicted by nothing. */
    private boolean learns(long start, int size) {
      for (int t = 1; t < size; t++) if (tokens.getAtIndex(INT, start + t) >= 0) return true;
      return false;
    }

    Blocks toBlocks(boolean asLongAsNeeded) {
      if (count == 0)
        throw new IllegalArgumentException(
            "packing: no row of " + length + " tokens has one to learn; give more data");
      // Multiples of 8 suit the kernels.
      int width = asLongAsNeeded ? Math.min(length, (longest + 7) / 8 * 8) : length;
      return Blocks.of(tokens, width, Arrays.copyOf(starts, count), Arrays.copyOf(sizes, count));
    }
  }
}
