package dev.outpost.transformer.data;

import dev.outpost.transformer.text.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256 of what a token file is made from. */
final class Fingerprint {
  /** Where tokenizers differ: case, digits, spaces, line ends, accents, scripts, symbols. */
  private static final String PROBE =
      "The  QUICK brown fox, 12345 + 3.14; it's  \n\n\tcafé e\u0301 Привет 你好 😀 <s> x=f(y)[0]...\r\n";

  private final MessageDigest digest;

  private Fingerprint() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  static Fingerprint create() {
    return new Fingerprint();
  }

  Fingerprint text(String s) {
    byte[] utf8 = s.getBytes(StandardCharsets.UTF_8);
    digest.update(ByteBuffer.allocate(4).putInt(utf8.length).flip());
    digest.update(utf8);
    return this;
  }

  Fingerprint file(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) digest.update(buffer, 0, n);
    }
    return text("end of file");
  }

  /** Every token's spelling and id, and how a difficult text is encoded. */
  Fingerprint tokenizer(Tokenizer t) {
    for (int id = 0; id < t.vocabularySize(); id++) text(spelling(t, id));
    t.specialTokens().forEach((token, id) -> text(token + " " + id));
    for (int id : t.encode(PROBE)) text("" + id);
    return this;
  }

  /** Holes of the vocabulary have none. */
  private static String spelling(Tokenizer t, int id) {
    try {
      return t.token(id);
    } catch (IllegalArgumentException e) {
      return "\0hole";
    }
  }

  byte[] bytes() {
    return digest.digest();
  }
}
