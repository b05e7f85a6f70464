package dev.outpost.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.outpost.offsite.federated.Blob;
import dev.outpost.wire.proto.Chunk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * A file that arrives in chunks and grows from its beginning until it is whole. What came survives
 * a crash; it is hashed as it grows and, where it was there before, once more when opened.
 */
final class Growing implements AutoCloseable {
  private final Path part;
  private final Blob blob;
  private final FileChannel channel;
  private final MessageDigest digest;
  private long held;
  private boolean cut;

  private Growing(Path part, Blob blob, FileChannel channel) {
    this.part = part;
    this.blob = blob;
    this.channel = channel;
    this.digest = Sha256.begin();
  }

  /** What came is not what was announced; the file begins anew. */
  static final class TornException extends IOException {
    private static final long serialVersionUID = 1;

    TornException(String message) {
      super(message);
    }
  }

  /** This machine's disk does not take it. */
  static final class DiskException extends IOException {
    private static final long serialVersionUID = 1;

    DiskException(Path part, IOException cause) {
      super(part + ": cannot be written: " + cause.getMessage(), cause);
    }
  }

  /** It was closed, for example by a newer transfer of the same file. */
  static final class CutException extends IOException {
    private static final long serialVersionUID = 1;

    CutException() {
      super("another transfer of the same party took over");
    }
  }

  /** How many bytes of a file are there; 0 where there is none. */
  static long held(Path part, Blob blob) throws IOException {
    long size = Files.exists(part) ? Files.size(part) : 0;
    return size > blob.bytes() ? 0 : size;
  }

  /** Goes on with what is there, or begins. */
  static Growing open(Path part, Blob blob) throws IOException {
    FileChannel channel =
        FileChannel.open(
            part, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    Growing file = new Growing(part, blob, channel);
    try {
      if (channel.size() > blob.bytes()) channel.truncate(0);
      ByteBuffer buffer = ByteBuffer.allocate(Limits.CHUNK);
      long size = channel.size();
      while (file.held < size && channel.read(buffer.clear()) > 0) {
        file.held += buffer.flip().remaining();
        file.digest.update(buffer);
      }
      return file;
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  synchronized long held() {
    return held;
  }

  synchronized boolean whole() {
    return held == blob.bytes();
  }

  /**
   * Takes the next chunk.
   *
   * @throws TornException when it is not the next, or its digest or that of what is there is
   *     another than announced; the file is then gone
   */
  synchronized void append(Chunk chunk) throws IOException {
    if (cut) throw new CutException();
    ByteString data = chunk.getData();
    if (chunk.getOffset() != held)
      throw torn("a chunk begins at byte " + chunk.getOffset() + ", expected " + held);
    if (data.isEmpty() || data.size() > Limits.CHUNK || data.size() > blob.bytes() - held)
      throw torn(
          "a chunk of " + data.size() + " bytes; " + (blob.bytes() - held) + " are still to come");
    ByteBuffer bytes = data.asReadOnlyByteBuffer();
    digest.update(bytes.duplicate());
    if (!Arrays.equals(Sha256.sofar(digest), chunk.getSha256().toByteArray()))
      throw torn("the bytes up to " + (held + data.size()) + " have another digest than announced");
    try {
      channel.position(held);
      while (bytes.hasRemaining()) channel.write(bytes);
    } catch (ClosedByInterruptException e) {
      throw e;
    } catch (IOException e) {
      close(); // The digest has run ahead of the file: it is hashed again when opened.
      throw new DiskException(part, e);
    }
    held += data.size();
  }

  /** Gives the whole file its name; on the disk when this returns. */
  synchronized void finish(Path file) throws IOException {
    if (cut) throw new CutException();
    if (!whole()) throw new IOException(held + " of " + blob.bytes() + " bytes came");
    String sha256 = HexFormat.of().formatHex(Sha256.sofar(digest));
    if (!sha256.equals(blob.sha256())) throw torn("its digest is " + sha256);
    channel.force(true);
    close();
    try {
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Path sibling = file.resolveSibling(file.getFileName() + ".part");
      Files.copy(part, sibling, StandardCopyOption.REPLACE_EXISTING);
      try (FileChannel copy = FileChannel.open(sibling, StandardOpenOption.WRITE)) {
        copy.force(true);
      }
      Files.move(sibling, file, StandardCopyOption.ATOMIC_MOVE);
      Files.delete(part);
    }
  }

  private TornException torn(String what) throws IOException {
    close();
    Files.deleteIfExists(part);
    return new TornException("file " + blob.sha256() + ": " + what + "; it begins anew");
  }

  /** What came stays; nothing more is taken. */
  @Override
  public synchronized void close() throws IOException {
    cut = true;
    channel.close();
  }

  /** The chunks of a file that is whole, from an offset on. */
  static final class Chunks implements AutoCloseable {
    private final FileChannel channel;
    private final MessageDigest digest = Sha256.begin();
    private final long size;
    private long at;

    Chunks(Path file, long offset) throws IOException {
      channel = FileChannel.open(file, StandardOpenOption.READ);
      size = channel.size();
      try {
        while (at < offset) digest.update(read((int) Math.min(Limits.CHUNK, offset - at)));
      } catch (IOException e) {
        channel.close();
        throw e;
      }
    }

    boolean hasNext() {
      return at < size;
    }

    long at() {
      return at;
    }

    Chunk next() throws IOException {
      long offset = at;
      byte[] data = read((int) Math.min(Limits.CHUNK, size - at));
      digest.update(data);
      return Chunk.newBuilder()
          .setOffset(offset)
          .setData(UnsafeByteOperations.unsafeWrap(data))
          .setSha256(UnsafeByteOperations.unsafeWrap(Sha256.sofar(digest)))
          .build();
    }

    private byte[] read(int bytes) throws IOException {
      ByteBuffer buffer = ByteBuffer.allocate(bytes);
      while (buffer.hasRemaining())
        if (channel.read(buffer) < 0)
          throw new IOException("the file became shorter while it was read");
      at += bytes;
      return buffer.array();
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
