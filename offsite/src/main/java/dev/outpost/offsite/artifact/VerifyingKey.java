package dev.outpost.offsite.artifact;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.X509EncodedKeySpec;
import java.util.HexFormat;

/** The public half of a {@link SigningKey}: who it is from must be known from elsewhere. */
public final class VerifyingKey {
  private static final String LABEL = "PUBLIC KEY";

  private final PublicKey key;

  VerifyingKey(PublicKey key) {
    this.key = key;
  }

  /** Reads a key in PEM (SubjectPublicKeyInfo). */
  public static VerifyingKey read(Path file) throws IOException {
    try {
      byte[] content = Pem.read(file, LABEL);
      return new VerifyingKey(
          KeyFactory.getInstance(SigningKey.ALGORITHM)
              .generatePublic(new X509EncodedKeySpec(content)));
    } catch (InvalidKeySpecException e) {
      throw new FormatException(file + ": holds no Ed25519 key; ask the signer for the .pub file");
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java platform lacks " + SigningKey.ALGORITHM, e);
    }
  }

  byte[] pem() {
    return SigningKey.pem(LABEL, key.getEncoded());
  }

  /** SHA-256 of the encoded key: what two people compare over the telephone. */
  public String fingerprint() {
    return HexFormat.of().formatHex(Digest.sha256().digest(key.getEncoded()));
  }

  boolean signed(byte[] content, byte[] signature) {
    try {
      Signature s = Signature.getInstance(SigningKey.ALGORITHM);
      s.initVerify(key);
      s.update(content);
      return s.verify(signature);
    } catch (SignatureException e) {
      return false; // no signature at all, such as one of another length
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("an Ed25519 key checks anything", e);
    }
  }
}
