package dev.outpost.tensor.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Writes a file so that whoever looks sees the old one or the whole new one, also after a crash: bytes go to a sibling, are synced to disk, and the sibling takes the name.
 */
public final class AtomicFile {
  private AtomicFile() {}

  /** Produces a file's content. */
  @FunctionalInterface
  public interface Content {
    /** Writes everything to the channel, from position 0. */
    void writeTo(FileChannel channel) throws IOException;
  }

  /** Replaces {@code file} by {@code bytes}. */
  public static void write(Path file, byte[] bytes) throws IOException {
    write(
        file,
        bytes.length,
        channel -> {
          ByteBuffer b = ByteBuffer.wrap(bytes);
          while (b.hasRemaining()) channel.write(b);
        });
  }

  /**
   * Replaces {@code file} by what {@code content} writes. On any failure the old file stays and the sibling is removed.
   *
   * @param size bytes that will be written: checked against the free space before anything is
   */
  public static void write(Path file, long size, Content content) throws IOException {
    Path target = file.toAbsolutePath();
    Path folder = target.getParent();
    if (folder == null) throw new IOException(file + ": is not a file name");
    Files.createDirectories(folder);
    long free = Files.getFileStore(folder).getUsableSpace();
    if (free < size) throw new IOException(file + ": the disk is full: " + size + " bytes are needed, " + free + " are free; make room or choose another folder. Nothing was changed");
    Path sibling = folder.resolve("." + target.getFileName() + "." + ProcessHandle.current().pid() + "-" + Thread.currentThread().threadId() + ".tmp");
    boolean done = false;
    try {
      try (FileChannel channel = FileChannel.open(sibling, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        content.writeTo(channel);
        channel.force(true);
      }
      move(sibling, target);
      done = true;
    } catch (IOException e) {
      throw new IOException(file + ": could not be written: " + e.getMessage() + "; the old file, if any, is unchanged", e);
    } finally {
      if (!done) Files.deleteIfExists(sibling);
    }
    sync(folder);
  }

  private static void move(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /** Makes the new name itself survive a crash. Where folders cannot be opened (Windows) the system has no such call. */
  private static void sync(Path folder) {
    try (FileChannel c = FileChannel.open(folder, StandardOpenOption.READ)) {
      c.force(true);
    } catch (IOException e) {
      System.getLogger(AtomicFile.class.getName()).log(System.Logger.Level.DEBUG, "folder {0} cannot be synced: {1}", folder, e.getMessage());
    }
  }
}
