package dev.outpost.transformer.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What a file's bytes must add up to. Large files are known by the SHA-256 of their bytes, small
 * ones by git's name of them: the SHA-1 of {@code blob}, their size, a zero byte and their bytes.
 *
 * @param hex lower case
 */
record Checksum(Kind kind, String hex) {
  enum Kind {
    SHA256("SHA-256"),
    GIT("SHA-1");

    private final String algorithm;

    Kind(String algorithm) {
      this.algorithm = algorithm;
    }
  }

  private static final Pattern HEX = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");

  /** The checksum that a text of this length is; empty when it is none. */
  static Optional<Checksum> of(String text) {
    if (!HEX.matcher(text).matches()) return Optional.empty();
    return Optional.of(new Checksum(text.length() == 64 ? Kind.SHA256 : Kind.GIT, text));
  }

  /** Reads the file. */
  boolean matches(Path file) throws IOException {
    MessageDigest digest = digest();
    if (kind == Kind.GIT)
      digest.update(("blob " + Files.size(file) + "\0").getBytes(StandardCharsets.US_ASCII));
    byte[] buffer = new byte[1 << 16];
    try (InputStream in = Files.newInputStream(file)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) digest.update(buffer, 0, n);
    }
    return HexFormat.of().formatHex(digest.digest()).equals(hex);
  }

  private MessageDigest digest() {
    try {
      return MessageDigest.getInstance(kind.algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-1 and SHA-256", e);
    }
  }
}
