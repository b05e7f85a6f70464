package dev.outpost.transformer.train;

import dev.outpost.tensor.io.FormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Locale;
import java.util.zip.CRC32C;

/**
 * Figures over steps, as TensorBoard reads them: one file of events for each time that a run is
 * started. Every figure is on its way to the disk when {@link #add} returns, so that who looks sees
 * it and a crash loses none.
 *
 * <p>A record is its length (8 bytes), a checksum of that (4), the message, a checksum of that (4),
 * all little-endian; checksums are CRC-32C, rotated right by 15 bits plus 0xa282ead8. The message
 * is an {@code Event} of TensorFlow's {@code event.proto}: 1 wall time (double), 2 step (int64), 3
 * file version, 5 summary ({@code 1: value {1: tag, 2: simple_value float}}), 7 session log ({@code
 * 1: status}, 1 being the start). Safe for many threads.
 */
public final class EventFile implements AutoCloseable {
  private static final int MASK = 0xa282ead8;
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  private final Path file;
  private final FileChannel channel;
  private final InstantSource clock;

  private EventFile(Path file, FileChannel channel, InstantSource clock) {
    this.file = file;
    this.channel = channel;
    this.clock = clock;
  }

  /**
   * A new file among those of earlier starts of the same run, which stay as they are.
   *
   * @param folder of the run; made where needed
   * @param step the first that will be told; of earlier files in the folder TensorBoard drops what
   *     they told of this step and later ones, so that a run that went on from its last saved state
   *     shows one line
   * @throws FormatException when {@code folder} is a file
   */
  public static EventFile create(Path folder, long step, InstantSource clock) throws IOException {
    if (Files.exists(folder) && !Files.isDirectory(folder))
      throw new FormatException(folder + ": is a file; event files need a folder");
    Files.createDirectories(folder);
    // Files are read in the order of their names.
    long seconds = clock.instant().getEpochSecond();
    for (int n = 0; ; n++) {
      String name =
          String.format(Locale.ROOT, "events.out.tfevents.%010d.outpost.%03d", seconds, n);
      Path file = folder.resolve(name);
      FileChannel channel;
      try {
        channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      } catch (FileAlreadyExistsException e) {
        if (n < 999) continue;
        throw e;
      }
      EventFile events = new EventFile(file, channel, clock);
      events.begin(step);
      return events;
    }
  }

  private void begin(long step) throws IOException {
    Message version = event(0);
    version.text(3, "brain.Event:2");
    write(version);
    Message log = new Message();
    log.whole(1, 1);
    Message start = event(step);
    start.message(7, log);
    write(start);
  }

  /** Where it lies. */
  public Path file() {
    return file;
  }

  /**
   * Tells a figure.
   *
   * @param tag its name; what stands before a slash groups it
   * @param value kept as a float; NaN and infinities too
   */
  public void add(long step, String tag, double value) throws IOException {
    Message scalar = new Message();
    scalar.text(1, tag);
    scalar.single(2, (float) value);
    Message summary = new Message();
    summary.message(1, scalar);
    Message event = event(step);
    event.message(5, summary);
    write(event);
  }

  private Message event(long step) {
    Instant now = clock.instant();
    Message event = new Message();
    event.number(1, now.getEpochSecond() + now.getNano() / 1e9);
    // A zero is what is read where nothing is written.
    if (step != 0) event.whole(2, step);
    return event;
  }

  private synchronized void write(Message message) throws IOException {
    byte[] content = message.bytes();
    ByteBuffer record = ByteBuffer.allocate(content.length + 16).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(content.length).putInt(checksum(record.array(), 0, 8));
    record.put(content).putInt(checksum(content, 0, content.length)).flip();
    while (record.hasRemaining()) channel.write(record);
  }

  private static int checksum(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + MASK;
  }

  /** Closes the file; what was told stays. */
  @Override
  public void close() throws IOException {
    channel.close();
  }

  /** A protobuf message that grows field by field. */
  private static final class Message {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private void varint(long v) {
      for (; (v & ~0x7fL) != 0; v >>>= 7) out.write((int) v & 0x7f | 0x80);
      out.write((int) v);
    }

    private void key(int field, int type) {
      varint((long) field << 3 | type);
    }

    void whole(int field, long v) {
      key(field, VARINT);
      varint(v);
    }

    void number(int field, double v) {
      key(field, FIXED64);
      out.writeBytes(little(8).putDouble(v).array());
    }

    void single(int field, float v) {
      key(field, FIXED32);
      out.writeBytes(little(4).putFloat(v).array());
    }

    void text(int field, String text) {
      bytes(field, text.getBytes(StandardCharsets.UTF_8));
    }

    void message(int field, Message m) {
      bytes(field, m.bytes());
    }

    private void bytes(int field, byte[] content) {
      key(field, BYTES);
      varint(content.length);
      out.writeBytes(content);
    }

    private static ByteBuffer little(int bytes) {
      return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    byte[] bytes() {
      return out.toByteArray();
    }
  }
}
