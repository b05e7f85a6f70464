package dev.outpost.tensor.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * Writes a file so that whoever looks sees the old one or the whole new one, also after a crash:
 * bytes go to a sibling, are synced to disk, and the sibling takes the name. A symbolic link of
 * that name is replaced, not followed: what it points to (a shared download cache) stays as it is.
 */
public final class AtomicFile {
  private static final String UNCHANGED = "the old file, if any, is unchanged";

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
   * Replaces {@code file} by what {@code content} writes, creating its folder where needed. On any
   * failure, an interrupt or a shutdown of the JVM the old file stays and the sibling is removed.
   *
   * @param size bytes that will be written: checked against the free space before anything is
   * @throws IOException naming the file, the reason, and for a full disk the bytes needed and free
   */
  public static void write(Path file, long size, Content content) throws IOException {
    Path target = file.toAbsolutePath();
    Path folder = target.getParent();
    if (folder == null || Files.isDirectory(target))
      throw new IOException(file + ": is a folder; a file name is needed");
    try {
      Files.createDirectories(folder);
      if (free(folder) < size) throw new IOException(full(size, free(folder)));
      replace(target, folder, size, content);
    } catch (ClosedByInterruptException e) {
      throw new IOException(file + ": writing was interrupted; " + UNCHANGED, e);
    } catch (FormatException e) {
      // Not the writing failed, but what was to be written could not be read.
      throw e;
    } catch (FileSystemException e) {
      throw new IOException(file + ": could not be written: " + reason(e) + "; " + UNCHANGED, e);
    } catch (IOException e) {
      throw new IOException(
          file + ": could not be written: " + e.getMessage() + "; " + UNCHANGED, e);
    }
  }

  private static void replace(Path target, Path folder, long size, Content content)
      throws IOException {
    // Random, so that two processes, also on two machines sharing the folder, never meet.
    Path sibling = folder.resolve("." + target.getFileName() + "." + UUID.randomUUID() + ".tmp");
    Thread removal = new Thread(() -> removeQuietly(sibling));
    Runtime.getRuntime().addShutdownHook(removal);
    try {
      fill(sibling, folder, size, content);
      // No fallback to a plain move: that would first delete the old file.
      Files.move(sibling, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      removeQuietly(sibling);
      forget(removal);
    }
    sync(folder);
  }

  private static void fill(Path sibling, Path folder, long size, Content content)
      throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            sibling,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      content.writeTo(channel);
      channel.force(true);
    } catch (ClosedByInterruptException e) {
      throw e;
    } catch (IOException e) {
      // The system's text for a full disk differs by system and language; the numbers do not.
      long written = Files.exists(sibling) ? Files.size(sibling) : 0;
      if (free(folder) >= size - written) throw e;
      throw new IOException(full(size, free(folder) + written), e);
    }
  }

  private static String full(long size, long free) {
    return "the disk is full: "
        + size
        + " bytes are needed, "
        + free
        + " are free; make room or choose another folder";
  }

  private static void forget(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is already going down: the hook runs, or has run, and finds nothing to do.
      log("shutdown during a write: {0}", String.valueOf(e.getMessage()));
    }
  }

  private static void removeQuietly(Path sibling) {
    try {
      Files.deleteIfExists(sibling);
    } catch (IOException e) {
      log("{0} could not be removed and may be deleted by hand", sibling);
    }
  }

  /** Some network file systems report 0 of 0 bytes: then only writing will tell. */
  private static long free(Path folder) throws IOException {
    FileStore store = Files.getFileStore(folder);
    return store.getTotalSpace() > 0 ? store.getUsableSpace() : Long.MAX_VALUE;
  }

  /** These exceptions often carry only a file name as their message; the type then is the news. */
  private static String reason(FileSystemException e) {
    String kind = e.getClass().getSimpleName().replace("Exception", "");
    return e.getReason() != null ? e.getReason() : kind + " " + e.getFile();
  }

  /** Makes the new name itself survive a crash. Windows cannot open folders, nor needs it. */
  private static void sync(Path folder) {
    try (FileChannel c = FileChannel.open(folder, StandardOpenOption.READ)) {
      c.force(true);
    } catch (IOException e) {
      log("folder cannot be synced: {0}", e);
    }
  }

  private static void log(String message, Object detail) {
    System.getLogger(AtomicFile.class.getName()).log(System.Logger.Level.DEBUG, message, detail);
  }
}
