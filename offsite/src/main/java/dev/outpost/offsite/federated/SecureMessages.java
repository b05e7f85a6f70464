package dev.outpost.offsite.federated;

import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.FormatException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The messages of a {@link SecureSum} as bytes: big-endian whole numbers, each array after its
 * length. What is read may come from anyone: counts are checked against what is there before memory
 * is taken.
 */
public final class SecureMessages {
  private static final int MAGIC = 0x4f505331;
  private static final int HEADER = 20;

  private SecureMessages() {}

  /** Writes into memory. */
  private interface Content {
    void write(DataOutputStream out) throws IOException;
  }

  private interface Reader<T> {
    T read(DataInputStream in) throws IOException;
  }

  /** Public keys of all parties, or of one. */
  static byte[] ofKeys(List<SecureSum.Keys> keys) {
    return bytes(out -> {
      out.writeInt(keys.size());
      for (SecureSum.Keys k : keys) {
        out.writeInt(k.party());
        put(out, k.sealing());
        put(out, k.masking());
      }
    });
  }

  static List<SecureSum.Keys> keys(byte[] bytes) throws FormatException {
    return list(bytes, in -> new SecureSum.Keys(in.readInt(), take(in), take(in)));
  }

  static byte[] ofSealed(List<SecureSum.Sealed> boxes) {
    return bytes(out -> {
      out.writeInt(boxes.size());
      for (SecureSum.Sealed s : boxes) {
        out.writeInt(s.from());
        out.writeInt(s.to());
        put(out, s.box());
      }
    });
  }

  static List<SecureSum.Sealed> sealed(byte[] bytes) throws FormatException {
    return list(bytes, in -> new SecureSum.Sealed(in.readInt(), in.readInt(), take(in)));
  }

  static byte[] ofParties(Set<Integer> parties) {
    return bytes(out -> {
      out.writeInt(parties.size());
      for (int p : parties) out.writeInt(p);
    });
  }

  static Set<Integer> parties(byte[] bytes) throws FormatException {
    return new TreeSet<>(list(bytes, DataInputStream::readInt));
  }

  static byte[] ofOpened(SecureSum.Opened o) {
    return bytes(out -> {
      out.writeInt(o.party());
      put(out, o.own());
      put(out, o.lost());
    });
  }

  static SecureSum.Opened opened(byte[] bytes) throws FormatException {
    return read(bytes, in -> new SecureSum.Opened(in.readInt(), shares(in), shares(in)));
  }

  private static void put(DataOutputStream out, Map<Integer, byte[]> shares) throws IOException {
    out.writeInt(shares.size());
    for (Map.Entry<Integer, byte[]> e : shares.entrySet()) {
      out.writeInt(e.getKey());
      put(out, e.getValue());
    }
  }

  private static Map<Integer, byte[]> shares(DataInputStream in) throws IOException {
    int n = count(in);
    Map<Integer, byte[]> shares = new TreeMap<>();
    for (int i = 0; i < n; i++) shares.put(in.readInt(), take(in));
    return shares;
  }

  /** Numbers under masks as a file of a header and 8 bytes each. */
  static void writeMasked(Path file, int round, int attempt, SecureSum.Masked masked)
      throws IOException {
    long size = HEADER + 8L * masked.numbers().length;
    AtomicFile.write(
        file,
        size,
        channel -> {
          ByteBuffer b = ByteBuffer.allocate(1 << 16);
          b.putInt(MAGIC).putInt(round).putInt(attempt).putInt(masked.party());
          b.putInt(masked.numbers().length);
          for (long v : masked.numbers()) {
            if (b.remaining() < 8) drain(b, channel);
            b.putLong(v);
          }
          drain(b, channel);
        });
  }

  private static void drain(ByteBuffer b, FileChannel channel) throws IOException {
    b.flip();
    while (b.hasRemaining()) channel.write(b);
    b.clear();
  }

  /**
   * Reads what {@link #writeMasked} wrote, refusing what is of another round, attempt, party or
   * length.
   */
  static SecureSum.Masked masked(Path file, int round, int attempt, int party, long numbers)
      throws IOException {
    if (Files.size(file) != HEADER + 8 * numbers)
      throw new FormatException(
          "secure sum: masked numbers take "
              + (HEADER + 8 * numbers)
              + " bytes in this round, got "
              + Files.size(file));
    try (DataInputStream in =
        new DataInputStream(new java.io.BufferedInputStream(Files.newInputStream(file)))) {
      int[] header = {in.readInt(), in.readInt(), in.readInt(), in.readInt(), in.readInt()};
      if (header[0] != MAGIC
          || header[1] != round
          || header[2] != attempt
          || header[3] != party
          || header[4] != numbers)
        throw new FormatException(
            "secure sum: masked numbers of round "
                + header[1]
                + ", attempt "
                + header[2]
                + ", party "
                + header[3]
                + " came where those of "
                + round
                + ", "
                + attempt
                + ", "
                + party
                + " were expected");
      long[] values = new long[Math.toIntExact(numbers)];
      for (int i = 0; i < values.length; i++) values[i] = in.readLong();
      return new SecureSum.Masked(party, values);
    }
  }

  private static byte[] bytes(Content content) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    try {
      content.write(new DataOutputStream(all));
    } catch (IOException e) {
      throw new UncheckedIOException("memory is always written to", e);
    }
    return all.toByteArray();
  }

  private static <T> List<T> list(byte[] bytes, Reader<T> one) throws FormatException {
    return read(
        bytes,
        in -> {
          int n = count(in);
          List<T> all = new ArrayList<>();
          for (int i = 0; i < n; i++) all.add(one.read(in));
          return all;
        });
  }

  private static <T> T read(byte[] bytes, Reader<T> reader) throws FormatException {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
      T value = reader.read(in);
      if (in.available() > 0)
        throw new FormatException(
            "secure sum: a message has " + in.available() + " bytes too many");
      return value;
    } catch (FormatException e) {
      throw e;
    } catch (IOException e) {
      throw new FormatException("secure sum: a message of " + bytes.length + " bytes is cut", e);
    }
  }

  /** Every entry takes 4 bytes at least. */
  private static int count(DataInputStream in) throws IOException {
    int n = in.readInt();
    if (n < 0 || n > in.available() / 4)
      throw new FormatException("secure sum: a message claims " + n + " entries");
    return n;
  }

  private static void put(DataOutputStream out, byte[] bytes) throws IOException {
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  private static byte[] take(DataInputStream in) throws IOException {
    int n = in.readInt();
    if (n < 0 || n > in.available())
      throw new FormatException("secure sum: a message claims " + n + " bytes");
    return in.readNBytes(n);
  }
}
