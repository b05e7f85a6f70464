package dev.outpost.offsite.artifact;

import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * A signature over a package or an adapter: {@code manifest.sig}, 64 bytes, is the Ed25519
 * signature of {@code manifest.json} as it lies there, and the manifest holds the digest of every
 * other file. So a whole folder is who signed it, or is refused.
 */
public final class Seal {
  /** The signature's file. */
  public static final String FILE = "manifest.sig";

  private Seal() {}

  /** Signs a folder that was just written. */
  public static void sign(Path folder, SigningKey key) throws IOException {
    requireAll(folder);
    AtomicFile.write(
        folder.resolve(FILE), key.sign(Files.readAllBytes(folder.resolve(Manifest.FILE))));
  }

  /** Whether there is a signature, true or not. */
  public static boolean isThere(Path folder) {
    return Files.exists(folder.resolve(FILE));
  }

  /**
   * Checks that this key signed the folder as it is: signature, digest of every file, no file more.
   *
   * @throws FormatException naming what is missing, changed or too much
   */
  public static void verify(Path folder, VerifyingKey key) throws IOException {
    Path file = folder.resolve(FILE);
    Path manifest = folder.resolve(Manifest.FILE);
    if (!Files.isRegularFile(manifest))
      throw new FormatException(manifest + ": no such file; only packages and adapters are signed");
    if (!Files.isRegularFile(file))
      throw new FormatException(
          file + ": no such file; nobody signed this folder. Ask who made it to use --sign");
    if (!key.signed(Files.readAllBytes(manifest), Files.readAllBytes(file)))
      throw new FormatException(
          file
              + ": is not the signature of manifest.json by the key "
              + key.fingerprint().substring(0, 12)
              + "…; another key made it, or one of the two files was changed. Do not use this folder");
    requireAll(folder);
  }

  private static void requireAll(Path folder) throws IOException {
    JsonObject manifest = JsonObject.read(folder.resolve(Manifest.FILE));
    Manifest.requireFiles(folder, manifest);
    Set<String> there = new TreeSet<>();
    try (Stream<Path> all = Files.list(folder)) {
      all.forEach(p -> there.add(p.getFileName().toString()));
    }
    there.removeAll(manifest.object("files").names());
    there.remove(Manifest.FILE);
    there.remove(FILE);
    if (!there.isEmpty())
      throw new FormatException(
          folder + ": holds what its manifest does not list: " + there + "; move it elsewhere");
  }
}
