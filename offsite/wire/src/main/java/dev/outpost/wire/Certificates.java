package dev.outpost.wire;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;

/**
 * Makes the certificates of one federation: an authority of its own, and below it one for the
 * server and one for each client, all of P-256. The JDK can read certificates, not make them.
 */
final class Certificates {
  /** What a client's certificate calls it, before its name. */
  static final String CLIENT = "urn:outpost:client:";

  /** Before now, so that a clock that is slow by hours does not take a new kit for a future one. */
  private static final Duration BACK = Duration.ofDays(1);

  private final String federation;
  private final Instant from;
  private final Instant until;
  private final SecureRandom random = new SecureRandom();

  Certificates(String federation, Instant now, Duration validity) {
    this.federation = federation;
    this.from = now.minus(BACK);
    this.until = now.plus(validity);
  }

  /** A certificate and its secret key. */
  record Identity(X509Certificate certificate, KeyPair keys) {}

  Identity authority() {
    KeyPair keys = keys();
    return certificate(
        "authority",
        keys,
        name("authority"),
        keys,
        b -> {
          b.addExtension(Extension.basicConstraints, true, new BasicConstraints(0));
          b.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign));
        });
  }

  /** The server's, for the names and addresses by which clients reach it. */
  Identity server(Identity authority, String name, List<String> hosts) {
    GeneralName[] names =
        hosts.stream()
            .map(h ->
                new GeneralName(
                    Hosts.isAddress(h) ? GeneralName.iPAddress : GeneralName.dNSName, h))
            .toArray(GeneralName[]::new);
    return party(authority, name, KeyPurposeId.id_kp_serverAuth, names);
  }

  Identity client(Identity authority, String name) {
    GeneralName uri = new GeneralName(GeneralName.uniformResourceIdentifier, CLIENT + name);
    return party(authority, name, KeyPurposeId.id_kp_clientAuth, new GeneralName[] {uri});
  }

  private Identity party(
      Identity authority, String name, KeyPurposeId purpose, GeneralName[] names) {
    return certificate(
        name,
        keys(),
        name("authority"),
        authority.keys(),
        b -> {
          b.addExtension(Extension.basicConstraints, true, new BasicConstraints(false));
          b.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
          b.addExtension(Extension.extendedKeyUsage, true, new ExtendedKeyUsage(purpose));
          b.addExtension(Extension.subjectAlternativeName, false, new GeneralNames(names));
        });
  }

  private interface Extensions {
    void add(X509v3CertificateBuilder builder) throws CertIOException;
  }

  private Identity certificate(
      String subject, KeyPair keys, X500Name issuer, KeyPair signer, Extensions extensions) {
    try {
      X509v3CertificateBuilder builder =
          new X509v3CertificateBuilder(
              issuer,
              new BigInteger(127, random).setBit(126),
              Date.from(from),
              Date.from(until),
              name(subject),
              SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()));
      extensions.add(builder);
      byte[] made = builder.build(new Signer(signer.getPrivate())).getEncoded();
      Certificate certificate =
          CertificateFactory.getInstance("X.509")
              .generateCertificate(new ByteArrayInputStream(made));
      return new Identity((X509Certificate) certificate, keys);
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException("certificate of " + subject + ": cannot be made", e);
    }
  }

  private X500Name name(String subject) {
    return new X500NameBuilder(BCStyle.INSTANCE)
        .addRDN(BCStyle.O, federation)
        .addRDN(BCStyle.CN, subject)
        .build();
  }

  private KeyPair keys() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"), random);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has P-256", e);
    }
  }

  /** The JDK's own arithmetic: Bouncy Castle writes the certificate and computes nothing. */
  private static final class Signer implements ContentSigner {
    private final PrivateKey key;
    private final ByteArrayOutputStream content = new ByteArrayOutputStream();

    Signer(PrivateKey key) {
      this.key = key;
    }

    @Override
    public AlgorithmIdentifier getAlgorithmIdentifier() {
      return new AlgorithmIdentifier(X9ObjectIdentifiers.ecdsa_with_SHA256);
    }

    @Override
    public OutputStream getOutputStream() {
      return content;
    }

    @Override
    public byte[] getSignature() {
      try {
        Signature s = Signature.getInstance("SHA256withECDSA");
        s.initSign(key);
        s.update(content.toByteArray());
        return s.sign();
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("every Java platform signs with P-256", e);
      }
    }
  }
}
