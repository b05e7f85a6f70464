package dev.outpost.offsite.artifact;

import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.PrivateFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;

/** An Ed25519 key (RFC 8032) with which an owner signs what leaves the house. */
public final class SigningKey {
  static final String ALGORITHM = "Ed25519";
  private static final String LABEL = "PRIVATE KEY";

  private final PrivateKey key;

  private SigningKey(PrivateKey key) {
    this.key = key;
  }

  /** The file beside a key that holds its public half. */
  public static Path publicHalf(Path file) {
    return file.resolveSibling(file.getFileName() + ".pub");
  }

  /**
   * Makes a new key: {@code file} holds it as PKCS#8 in PEM, for its owner alone; {@code file.pub}
   * holds its public half, to be given to everyone.
   *
   * @throws FileAlreadyExistsException when one of the two is there; nothing is overwritten
   */
  public static VerifyingKey create(Path file) throws IOException {
    Path open = publicHalf(file);
    for (Path p : new Path[] {file, open})
      if (Files.exists(p)) throw new FileAlreadyExistsException(p.toString());
    try {
      KeyPair pair = KeyPairGenerator.getInstance(ALGORITHM).generateKeyPair();
      PrivateFile.create(file, pem(LABEL, pair.getPrivate().getEncoded()));
      VerifyingKey made = new VerifyingKey(pair.getPublic());
      AtomicFile.write(open, made.pem());
      return made;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java platform lacks " + ALGORITHM, e);
    }
  }

  static byte[] pem(String label, byte[] content) {
    return Pem.write(label, content).getBytes(StandardCharsets.US_ASCII);
  }

  /** Reads a key. */
  public static SigningKey read(Path file) throws IOException {
    try {
      byte[] content = Pem.read(file, LABEL);
      return new SigningKey(
          KeyFactory.getInstance(ALGORITHM).generatePrivate(new PKCS8EncodedKeySpec(content)));
    } catch (InvalidKeySpecException e) {
      throw new FormatException(
          file + ": holds no Ed25519 key; make one with outpost key --out FILE");
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java platform lacks " + ALGORITHM, e);
    }
  }

  byte[] sign(byte[] content) {
    try {
      Signature s = Signature.getInstance(ALGORITHM);
      s.initSign(key);
      s.update(content);
      return s.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("an Ed25519 key signs anything", e);
    }
  }
}
