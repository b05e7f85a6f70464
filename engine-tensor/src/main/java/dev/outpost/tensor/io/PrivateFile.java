package dev.outpost.tensor.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** Files that hold a secret. */
public final class PrivateFile {
  private PrivateFile() {}

  /**
   * Writes a new file that from its first moment only its owner may read and write, where the file
   * system knows owners (POSIX); elsewhere it gets the folder's rights. Missing folders are made.
   *
   * @throws FileAlreadyExistsException when something of that name is there; it stays as it is
   */
  public static void create(Path file, byte[] content) throws IOException {
    if (file.getParent() != null) Files.createDirectories(file.getParent());
    FileAttribute<?>[] rights =
        FileSystems.getDefault().supportedFileAttributeViews().contains("posix")
            ? new FileAttribute<?>[] {
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
            }
            : new FileAttribute<?>[0];
    try (FileChannel channel =
        FileChannel.open(
            file, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), rights)) {
      ByteBuffer bytes = ByteBuffer.wrap(content);
      while (bytes.hasRemaining()) channel.write(bytes);
      channel.force(true);
    }
  }
}
