package dev.outpost.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.outpost.wire.proto.Envelope;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;

/**
 * Signs and verifies what is sent. Signed are the very bytes of header and body, so that there is
 * no question of how they would be written again, and nothing is read before it is verified.
 */
final class Envelopes {
  private static final String ALGORITHM = "SHA256withECDSA";

  private Envelopes() {}

  /** Who signs: a signature of one side is none of the other's. */
  enum Side {
    REQUEST,
    REPLY;

    private byte[] domain() {
      return switch (this) {
        case REQUEST -> "outpost wire 1 request\0".getBytes(StandardCharsets.US_ASCII);
        case REPLY -> "outpost wire 1 reply\0".getBytes(StandardCharsets.US_ASCII);
      };
    }
  }

  static Envelope sign(Side side, MessageLite header, MessageLite body, PrivateKey key) {
    Envelope open =
        Envelope.newBuilder().setHeader(header.toByteString()).setBody(body.toByteString()).build();
    try {
      Signature s = Signature.getInstance(ALGORITHM);
      s.initSign(key);
      s.update(signed(side, open));
      return open.toBuilder().setSignature(ByteString.copyFrom(s.sign())).build();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("wire: the kit's key does not sign", e);
    }
  }

  static boolean verify(Side side, Envelope envelope, PublicKey key) {
    try {
      Signature s = Signature.getInstance(ALGORITHM);
      s.initVerify(key);
      s.update(signed(side, envelope));
      return s.verify(envelope.getSignature().toByteArray());
    } catch (GeneralSecurityException e) {
      return false; // What is no signature at all.
    }
  }

  /** What a reply names to say which request it answers. */
  static ByteString digest(Envelope request) {
    return ByteString.copyFrom(Sha256.of(signed(Side.REQUEST, request)));
  }

  private static byte[] signed(Side side, Envelope envelope) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(side.domain());
    out.writeBytes(Sha256.of(envelope.getHeader().toByteArray()));
    out.writeBytes(Sha256.of(envelope.getBody().toByteArray()));
    return out.toByteArray();
  }
}
