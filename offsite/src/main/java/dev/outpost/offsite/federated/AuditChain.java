package dev.outpost.offsite.federated;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.Consumer;

/** Whether an audit log is the whole log: every line names the digest of the line before it. */
public final class AuditChain {
  private static final String START = "0".repeat(64);
  private static final int LONGEST = 1 << 20;

  private AuditChain() {}

  /**
   * Where a log ends.
   *
   * @param lines whole ones
   * @param bytes of the whole lines; what follows was cut short by a crash
   * @param digest of the last line
   */
  public record Tail(long lines, long bytes, String digest) {}

  /** Reads a log from its beginning; a file that is not there is an empty log. */
  public static Tail verify(Path file) throws IOException {
    return verify(file, line -> {});
  }

  /** The same; the reader is shown every line that is whole. */
  static Tail verify(Path file, Consumer<JsonObject> reader) throws IOException {
    Tail tail = new Tail(0, 0, START);
    if (!Files.exists(file)) return tail;
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      for (int b = in.read(); b >= 0; b = in.read()) {
        if (b != '\n') {
          line.write(b);
          if (line.size() > LONGEST)
            throw new FormatException(
                file + ": line " + (tail.lines() + 1) + " is longer than " + LONGEST + " bytes");
          continue;
        }
        String text = line.toString(StandardCharsets.UTF_8);
        JsonObject o = JsonObject.parse(file + " line " + (tail.lines() + 1), text);
        if (!o.string("previous").equals(tail.digest()))
          throw o.wrong(
              "previous",
              "is not the digest of the line before: a line was changed or taken out. Keep this file as evidence and start the log anew under another name");
        tail = new Tail(tail.lines() + 1, tail.bytes() + line.size() + 1, digest(text));
        line.reset();
        reader.accept(o);
      }
    }
    return tail;
  }

  static String digest(String line) {
    try {
      return HexFormat.of()
          .formatHex(
              MessageDigest.getInstance("SHA-256").digest(line.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
