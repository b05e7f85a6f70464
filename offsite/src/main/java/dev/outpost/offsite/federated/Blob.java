package dev.outpost.offsite.federated;

import dev.outpost.offsite.artifact.Digest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file by what is in it: what parties hand each other is named by its digest, so that nothing is
 * sent twice and nothing can be exchanged on the way.
 *
 * @param sha256 64 hexadecimal digits
 * @param bytes its length
 */
public record Blob(String sha256, long bytes) {
  public Blob {
    if (!sha256.matches("[0-9a-f]{64}"))
      throw new IllegalArgumentException(
          "blob: sha256 must be 64 hexadecimal digits, got " + sha256);
    if (bytes < 0)
      throw new IllegalArgumentException("blob: bytes must not be negative, got " + bytes);
  }

  /** Reads the file once. */
  public static Blob of(Path file) throws IOException {
    return new Blob(Digest.of(file), Files.size(file));
  }
}
