package dev.outpost.offsite.federated;

import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.InstantSource;
import java.util.function.Consumer;

/**
 * Who sent and received what, a line of JSON each, only ever appended to. Each line holds the
 * digest of the line before it, so that a line taken out or changed later shows. Safe for many
 * threads.
 */
public final class AuditLog implements AutoCloseable {
  private final Path file;
  private final FileChannel channel;
  private final InstantSource clock;
  private final Consumer<JsonObject> reader;
  private String last;

  private AuditLog(
      Path file,
      FileChannel channel,
      InstantSource clock,
      Consumer<JsonObject> reader,
      String last) {
    this.file = file;
    this.channel = channel;
    this.clock = clock;
    this.reader = reader;
    this.last = last;
  }

  /**
   * Opens or goes on with a log. What a crash left half-written at its end is cut off.
   *
   * @throws dev.outpost.tensor.io.FormatException when a line does not follow from the one before
   */
  public static AuditLog open(Path file, InstantSource clock) throws IOException {
    return open(file, clock, line -> {});
  }

  /**
   * Opens a log that is read along.
   *
   * @param reader is shown every line, those that lie in the file first and each new one when it is
   *     on the disk; one at a time, by whoever adds it, so it must be short, and must not throw
   */
  public static AuditLog open(Path file, InstantSource clock, Consumer<JsonObject> reader)
      throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    if (folder != null) Files.createDirectories(folder);
    AuditChain.Tail tail = AuditChain.verify(file, reader);
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    channel.truncate(tail.bytes());
    channel.position(tail.bytes());
    return new AuditLog(file, channel, clock, reader, tail.digest());
  }

  /**
   * Appends an event; on the disk when this returns.
   *
   * @param event such as {@code update-accepted}
   * @param party whom it concerns
   * @param fields more of it; {@code at}, {@code event}, {@code party} and {@code previous} are
   *     added
   */
  public synchronized void add(String event, String party, JsonObject fields) {
    JsonObject line =
        JsonObject.create()
            .put("at", clock.instant().toString())
            .put("event", event)
            .put("party", party);
    for (String name : fields.names()) line.put(name, fields.value(name));
    line.put("previous", last);
    String text = line.toLine();
    try {
      ByteBuffer bytes = ByteBuffer.wrap((text + "\n").getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) channel.write(bytes);
      channel.force(false);
      last = AuditChain.digest(text);
      reader.accept(JsonObject.parse("audit log", text));
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": the audit log cannot be written", e);
    }
  }

  @Override
  public synchronized void close() throws IOException {
    channel.close();
  }
}
