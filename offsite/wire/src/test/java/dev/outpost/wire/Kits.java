package dev.outpost.wire;

import dev.outpost.offsite.artifact.Pem;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;

/** What only a test takes out of a kit. */
final class Kits {
  private Kits() {}

  static PrivateKey key(Path file) throws Exception {
    return KeyFactory.getInstance("EC")
        .generatePrivate(new PKCS8EncodedKeySpec(Pem.read(file, Kit.KEY_LABEL)));
  }
}
