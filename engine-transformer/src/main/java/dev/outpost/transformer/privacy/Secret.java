package dev.outpost.transformer.privacy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.PrivateFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HexFormat;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * 256 bits from which a private run draws its lots and its noise. Who knows them can draw the same
 * noise and take it away again, so they stay with the data owner and are in no artifact.
 */
public final class Secret {
  private static final int BYTES = 32;

  private final byte[] key;

  private Secret(byte[] key) {
    this.key = key;
  }

  /** From the platform's secure source. */
  public static Secret fresh() {
    byte[] key = new byte[BYTES];
    new SecureRandom().nextBytes(key);
    return new Secret(key);
  }

  /** Of a seed, for runs that shall be repeated: no more secret than the seed is. */
  public static Secret ofSeed(long seed) {
    return new Secret(sha256(new byte[0], "outpost dp seed " + seed));
  }

  /** The secret kept in a file; made and written for its owner alone where there is none. */
  public static Secret keptIn(Path file) throws IOException {
    if (Files.exists(file)) {
      String text = Files.readString(file).strip();
      if (!text.matches("[0-9a-f]{64}"))
        throw new FormatException(
            file
                + ": must hold 64 hexadecimal digits; it is damaged, and the run it belongs to cannot go on. Start anew in another folder");
      return new Secret(HexFormat.of().parseHex(text));
    }
    Secret fresh = fresh();
    String line = HexFormat.of().formatHex(fresh.key) + "\n";
    PrivateFile.create(file, line.getBytes(StandardCharsets.US_ASCII));
    return fresh;
  }

  /** Another secret, which tells nothing about this one: one per round of a longer work. */
  public Secret derived(String purpose) {
    return new Secret(sha256(key, "derived " + purpose));
  }

  /** The stream of random numbers for one purpose, such as {@code noise/17/blocks.0.attn.q}. */
  public Stream stream(String purpose) {
    return new Stream(sha256(key, "stream " + purpose));
  }

  /** Tells this secret from others without telling it. */
  public String fingerprint() {
    return HexFormat.of().formatHex(sha256(key, "fingerprint"));
  }

  /**
   * A digest of a text that only who knows the secret can check: it binds the data owner to the
   * data, and tells nobody else whether a guess at them is right.
   */
  public String commitment(String text) {
    return HexFormat.of().formatHex(sha256(key, "commitment " + text));
  }

  private static byte[] sha256(byte[] key, String text) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(key);
      return digest.digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /**
   * Random numbers that cannot be told from true ones without the key: AES-256 in counter mode. Not
   * thread-safe.
   */
  public static final class Stream {
    private static final byte[] ZEROS = new byte[1 << 12];

    private final Cipher cipher;
    private final byte[] bytes = new byte[ZEROS.length];
    private final ByteBuffer buffer = ByteBuffer.wrap(bytes).position(ZEROS.length);

    private Stream(byte[] key) {
      try {
        cipher = Cipher.getInstance("AES/CTR/NoPadding");
        // A key is used for one stream only, so the counter may start at 0.
        cipher.init(
            Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"), new IvParameterSpec(new byte[16]));
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("this Java platform lacks AES/CTR", e);
      }
    }

    private long nextLong() {
      if (!buffer.hasRemaining()) {
        try {
          cipher.update(ZEROS, 0, ZEROS.length, bytes);
        } catch (GeneralSecurityException e) {
          throw new IllegalStateException("a block of whole AES blocks fits its buffer", e);
        }
        buffer.clear();
      }
      return buffer.getLong();
    }

    /** Uniform in [0, 1), 53 bits. */
    public double nextDouble() {
      return (nextLong() >>> 11) * 0x1p-53;
    }

    /** Adds Gaussian noise of this deviation to each number (Box–Muller, both of each pair). */
    public void addGaussians(double deviation, float[] to, int from, int count) {
      for (int i = 0; i < count; i += 2) {
        double radius = deviation * StrictMath.sqrt(-2 * StrictMath.log(1 - nextDouble()));
        double angle = 2 * Math.PI * nextDouble();
        to[from + i] += (float) (radius * StrictMath.cos(angle));
        if (i + 1 < count) to[from + i + 1] += (float) (radius * StrictMath.sin(angle));
      }
    }
  }
}
