package dev.outpost.offsite.artifact;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

/** One key or certificate in textual encoding (RFC 7468). */
public final class Pem {
  private static final int LARGEST = 1 << 16;

  private Pem() {}

  /** The text of some content. */
  public static String write(String label, byte[] content) {
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
    return "-----BEGIN " + label + "-----\n" + body + "\n-----END " + label + "-----\n";
  }

  /** The content; refuses other labels, what is cut off, and what is no Base64. */
  public static byte[] read(Path file, String label) throws IOException {
    if (Files.size(file) > LARGEST)
      throw new FormatException(
          file + ": is larger than 64 KiB; a key or certificate is a few lines of text");
    String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).strip();
    String begin = "-----BEGIN " + label + "-----";
    String end = "-----END " + label + "-----";
    if (!text.startsWith(begin))
      throw new FormatException(
          file
              + ": must begin with "
              + begin
              + (text.startsWith("-----BEGIN ")
                  ? ", but begins with " + text.lines().findFirst().orElse("")
                  : "; it is no PEM file of a key or certificate"));
    if (!text.endsWith(end))
      throw new FormatException(file + ": does not end with " + end + "; it is cut off");
    try {
      return Base64.getMimeDecoder()
          .decode(text.substring(begin.length(), text.length() - end.length()));
    } catch (IllegalArgumentException e) {
      throw new FormatException(file + ": is damaged: " + e.getMessage());
    }
  }
}
