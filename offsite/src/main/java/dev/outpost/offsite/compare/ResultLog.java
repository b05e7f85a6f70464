package dev.outpost.offsite.compare;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Results as JSON lines, each under its {@code key}; of two with the same key the later one holds.
 * A line is on disk before {@link #append} returns. A last line that a crash left half-written is
 * cut off when the file is opened. One process at a time.
 */
final class ResultLog implements AutoCloseable {
  private final FileChannel channel;
  private final Map<String, JsonObject> lines;

  private ResultLog(FileChannel channel, Map<String, JsonObject> lines) {
    this.channel = channel;
    this.lines = lines;
  }

  /**
   * Opens or creates the file.
   *
   * @throws FormatException when a line other than the last is damaged
   * @throws IOException also when another process has it open
   */
  static ResultLog open(Path file) throws IOException {
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null) Files.createDirectories(parent);
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      if (!locked(channel))
        throw new IOException(
            file + ": another run writes to it; wait for its end, or choose another folder");
      return new ResultLog(channel, read(file, channel));
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static boolean locked(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      return false;
    }
  }

  /** The lines; leaves the channel at the end of the last whole one. */
  private static Map<String, JsonObject> read(Path file, FileChannel channel) throws IOException {
    // By this channel: on Linux, closing another one of the same file would give up the lock.
    ByteBuffer all = ByteBuffer.allocate(Math.toIntExact(channel.size()));
    for (int n = 0; n >= 0 && all.hasRemaining(); ) n = channel.read(all);
    byte[] bytes = Arrays.copyOf(all.array(), all.position());
    Map<String, JsonObject> lines = new LinkedHashMap<>();
    int from = 0;
    for (int n = 1; from < bytes.length; n++) {
      int end = from;
      while (end < bytes.length && bytes[end] != '\n') end++;
      boolean last = end >= bytes.length - 1;
      try {
        String text = new String(bytes, from, end - from, StandardCharsets.UTF_8);
        JsonObject line = JsonObject.parse(file + " line " + n, text);
        lines.put(line.string("key"), line);
      } catch (FormatException e) {
        if (!last)
          throw new FormatException(
              e.getMessage() + "; remove this line, and what it told is computed again");
        channel.truncate(from);
        break;
      }
      from = Math.min(end + 1, bytes.length);
    }
    channel.position(channel.size());
    if (channel.size() > 0 && channel.size() == bytes.length && bytes[bytes.length - 1] != '\n')
      write(channel, "\n");
    return lines;
  }

  /** The line of a key. */
  @Nullable JsonObject find(String key) {
    return lines.get(key);
  }

  /** All lines that hold. */
  List<JsonObject> lines() {
    return new ArrayList<>(lines.values());
  }

  /** Adds a line with a field {@code key}, waits until it is on disk, and gives it as read back. */
  JsonObject append(JsonObject line) throws IOException {
    String text = line.toLine();
    write(channel, text + "\n");
    channel.force(true);
    JsonObject read = JsonObject.parse("result", text);
    lines.put(read.string("key"), read);
    return read;
  }

  private static void write(FileChannel channel, String text) throws IOException {
    ByteBuffer b = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    while (b.hasRemaining()) channel.write(b);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
