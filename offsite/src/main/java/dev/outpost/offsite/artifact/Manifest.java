package dev.outpost.offsite.artifact;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What both kinds of artifact say about themselves in {@code manifest.json}: what they are, of
 * which base, and the digest of their weights.
 */
final class Manifest {
  static final String FILE = "manifest.json";
  static final int VERSION = 1;

  private Manifest() {}

  static JsonObject create(String format, BaseFingerprint base, Path weights) throws IOException {
    return JsonObject.create()
        .put("format", format)
        .put("version", VERSION)
        .put("base_fingerprint", base.sha256())
        .put("weights_sha256", Digest.of(weights));
  }

  /** Reads and checks a manifest and the digest of the weights beside it. */
  static JsonObject read(Path folder, String format, String weights) throws IOException {
    return read(folder.resolve(FILE), format, folder.resolve(weights));
  }

  /** The same of files by any name. */
  static JsonObject read(Path file, String format, Path weights) throws IOException {
    JsonObject m = JsonObject.read(file);
    if (!m.string("format").equals(format))
      throw m.wrong("format", "is \"" + m.string("format") + "\", expected \"" + format + "\"");
    if (m.integer("version") != VERSION)
      throw m.wrong(
          "version",
          "is "
              + m.integer("version")
              + "; this Outpost reads version "
              + VERSION
              + ". Use the Outpost that wrote it, or a newer one");
    requireDigest(m, "weights_sha256", weights);
    return m;
  }

  /** Refuses a file that is not the one the manifest was written for. */
  static void requireDigest(JsonObject manifest, String field, Path file) throws IOException {
    String wanted = manifest.string(field);
    if (!Files.isRegularFile(file))
      throw new FormatException(
          file
              + ": no such file, but the manifest beside it names its digest; copy the whole folder");
    String digest = Digest.of(file);
    if (!digest.equals(wanted))
      throw new FormatException(
          file
              + ": its SHA-256 "
              + digest
              + " is not the manifest's "
              + wanted
              + "; the file was changed or damaged. Ask for it again");
  }

  static BaseFingerprint base(JsonObject manifest) throws FormatException {
    try {
      return new BaseFingerprint(manifest.string("base_fingerprint"));
    } catch (IllegalArgumentException e) {
      throw manifest.wrong("base_fingerprint", "must be 64 hexadecimal digits");
    }
  }
}
