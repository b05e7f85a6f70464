package dev.outpost.offsite.artifact;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * What both kinds of artifact say about themselves in {@code manifest.json}: what they are, of
 * which base, and the digest of their weights.
 */
final class Manifest {
  static final String FILE = "manifest.json";
  static final int VERSION = 1;

  private Manifest() {}

  /** The beginning of a manifest of any name. */
  static JsonObject create(String format, BaseFingerprint base, Path weights) throws IOException {
    return JsonObject.create()
        .put("format", format)
        .put("version", VERSION)
        .put("base_fingerprint", base.sha256())
        .put("weights_sha256", Digest.of(weights))
        .put("made_by", madeBy());
  }

  /**
   * The beginning of {@code manifest.json} with the digest of every other file, which must be in
   * the folder by now. A signature of what was there before is taken away.
   */
  static JsonObject ofFolder(String format, BaseFingerprint base, Path weights) throws IOException {
    Path folder = Objects.requireNonNull(weights.getParent());
    Files.deleteIfExists(folder.resolve(Seal.FILE));
    return create(format, base, weights).put("files", digests(folder));
  }

  private static JsonObject digests(Path folder) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(folder)) {
      files = all.filter(Files::isRegularFile).sorted().toList();
    }
    JsonObject digests = JsonObject.create();
    for (Path p : files) {
      String name = p.getFileName().toString();
      if (!name.equals(FILE)) digests.put(name, Digest.of(p));
    }
    return digests;
  }

  private static JsonObject madeBy() {
    return JsonObject.create()
        .put(
            "outpost",
            Objects.requireNonNullElse(
                Manifest.class.getPackage().getImplementationVersion(), "development build"))
        .put(
            "java",
            System.getProperty("java.vm.version") + " (" + System.getProperty("java.vendor") + ")");
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
    // Artifacts from before there was this field have the digests of weights and config only.
    String name = String.valueOf(weights.getFileName());
    if (m.has("files")) requireFiles(weights.resolveSibling(""), m);
    if (!m.has("files") || !m.object("files").has(name))
      requireDigest(m, "weights_sha256", weights);
    else if (!m.string("weights_sha256").equals(m.object("files").string(name)))
      throw m.wrong("weights_sha256", "is not what field files says of " + name);
    return m;
  }

  /** Refuses a folder of which a file that the manifest lists is missing or was changed. */
  static void requireFiles(Path folder, JsonObject manifest) throws IOException {
    JsonObject files = manifest.object("files");
    for (String name : files.names()) {
      if (name.isEmpty() || name.startsWith("..") || name.matches(".*[/\\\\\\x00].*"))
        throw files.wrong(name, "is no name of a file in the folder");
      requireDigest(files, name, folder.resolve(name));
    }
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
