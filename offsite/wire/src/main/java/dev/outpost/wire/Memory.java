package dev.outpost.wire;

import dev.outpost.offsite.federated.RefusedException;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A client's folder: what is on its way, and which base the owner named when it was first asked.
 * The work of one base is never mixed with another's.
 */
final class Memory {
  private static final String FILE = "federation.json";

  private final Path folder;
  private final String federation;
  private String base = "";

  private Memory(Path folder, String federation) {
    this.folder = folder;
    this.federation = federation;
  }

  static Memory open(Path folder, String federation) throws IOException {
    Files.createDirectories(folder);
    Memory memory = new Memory(folder, federation);
    Path file = folder.resolve(FILE);
    if (Files.exists(file)) {
      JsonObject o = JsonObject.read(file);
      if (!o.string("federation").equals(federation))
        throw o.wrong(
            "federation",
            "is \""
                + o.string("federation")
                + "\", the kit's is \""
                + federation
                + "\"; use another folder");
      memory.base = checked(o.string("base"));
    }
    return memory;
  }

  private static String checked(String base) throws FormatException {
    if (!base.matches("[0-9a-f]{64}"))
      throw new FormatException("base: must be 64 hexadecimal digits, got \"" + base + "\"");
    return base;
  }

  /** Fingerprint of the base; empty before the owner named it. */
  String base() {
    return base;
  }

  /** The owner names its base, once. */
  void base(String named) throws IOException {
    if (base.equals(named)) return;
    if (!base.isEmpty())
      throw new RefusedException(
          "the owner's base is "
              + named
              + ", the work in "
              + folder
              + " was for "
              + base
              + "; use another folder");
    String first = checked(named);
    JsonObject.create()
        .put("federation", federation)
        .put("base", first)
        .write(folder.resolve(FILE));
    base = first;
  }

  /** Where a file grows; what else was on its way is given up. */
  Path part(String sha256) throws IOException {
    Path part = folder.resolve(sha256 + ".part");
    try (DirectoryStream<Path> all = Files.newDirectoryStream(folder, "*.part")) {
      for (Path other : all) if (!other.equals(part)) Files.deleteIfExists(other);
    }
    return part;
  }
}
