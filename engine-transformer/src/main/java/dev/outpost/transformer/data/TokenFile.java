package dev.outpost.transformer.data;

import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Marked tokens of a corpus on disk, read in place: larger than memory is well. 8 bytes {@code
 * OUTPTOK1}, the number of tokens (8 bytes, little-endian), a key of 32 bytes that says what they
 * were made from, then 4 bytes per token. Written whole or not at all.
 *
 * @param tokens mapped, little-endian, marks included; unmapped when no longer reachable
 */
record TokenFile(MemorySegment tokens) {
  private static final byte[] MAGIC = {'O', 'U', 'T', 'P', 'T', 'O', 'K', '1'};
  private static final int HEADER = 48;

  /** Takes tokens one example at a time. */
  static final class Writer {
    private final FileChannel channel;
    private final ByteBuffer buffer =
        ByteBuffer.allocateDirect(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
    private long count;

    private Writer(FileChannel channel) throws IOException {
      this.channel = channel;
      channel.position(HEADER);
    }

    void add(int[] tokens) throws IOException {
      for (int t : tokens) {
        if (!buffer.hasRemaining()) flush();
        buffer.putInt(t);
      }
      count += tokens.length;
    }

    private void flush() throws IOException {
      buffer.flip();
      while (buffer.hasRemaining()) channel.write(buffer);
      buffer.clear();
    }

    private void finish(byte[] key) throws IOException {
      flush();
      buffer.put(MAGIC).putLong(count).put(key).flip();
      channel.position(0);
      while (buffer.hasRemaining()) channel.write(buffer);
    }
  }

  /** Fills a writer. */
  @FunctionalInterface
  interface Content {
    void writeTo(Writer out) throws IOException;
  }

  static void write(Path file, byte[] key, long expectedBytes, Content content) throws IOException {
    AtomicFile.write(
        file,
        expectedBytes,
        channel -> {
          Writer w = new Writer(channel);
          content.writeTo(w);
          w.finish(key);
        });
  }

  /** Whether a file is there that was made from what the key says. */
  static boolean matches(Path file, byte[] key) throws IOException {
    if (!Files.isRegularFile(file)) return false;
    try (FileChannel c = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer head = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
      while (head.hasRemaining() && c.read(head) >= 0) {}
      return !head.hasRemaining()
          && Arrays.equals(Arrays.copyOf(head.array(), 8), MAGIC)
          && Arrays.equals(Arrays.copyOfRange(head.array(), 16, HEADER), key)
          && head.getLong(8) == (c.size() - HEADER) / Integer.BYTES
          && (c.size() - HEADER) % Integer.BYTES == 0;
    }
  }

  /** Maps a file that {@link #matches} its key. */
  static TokenFile open(Path file, byte[] key) throws IOException {
    if (!matches(file, key))
      throw new FormatException(
          file + ": is no whole token file of this data; delete it, and it is made anew");
    try (FileChannel c = FileChannel.open(file, StandardOpenOption.READ)) {
      return new TokenFile(
          c.map(FileChannel.MapMode.READ_ONLY, HEADER, c.size() - HEADER, Arena.ofAuto()));
    }
  }
}
