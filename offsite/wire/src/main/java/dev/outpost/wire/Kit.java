package dev.outpost.wire;

import dev.outpost.offsite.artifact.Pem;
import dev.outpost.offsite.federated.ClientName;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.InstantSource;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A party's start kit as read from its folder: who it is, whom it trusts, its own secret key.
 *
 * @param folder where it was read from
 * @param federation its name
 * @param name the party's
 * @param hosts names and addresses of the server
 * @param port of the server
 * @param key secret half of the certificate's key
 * @param certificate the party's
 * @param authority the federation's
 * @param listen address on which the server listens; null for a client
 * @param server the server's certificate; null for the server itself
 * @param clients fingerprint to name of all clients; empty for a client
 */
record Kit(
    Path folder,
    String federation,
    String name,
    List<String> hosts,
    int port,
    PrivateKey key,
    X509Certificate certificate,
    X509Certificate authority,
    @Nullable String listen,
    @Nullable X509Certificate server,
    Map<String, String> clients) {
  static final String AUTHORITY = "ca";
  static final String DESCRIPTION = "kit.json";
  static final String KEY = "key.pem";
  static final String CERTIFICATE = "cert.pem";
  static final String AUTHORITY_CERTIFICATE = "ca.pem";
  static final String SERVER_CERTIFICATE = "server.pem";
  static final String KEY_LABEL = "PRIVATE KEY";
  static final String CERTIFICATE_LABEL = "CERTIFICATE";
  private static final String FORMAT = "outpost-kit";
  private static final int VERSION = 1;

  Kit {
    hosts = List.copyOf(hosts);
    clients = Map.copyOf(clients);
  }

  /** The same with the server elsewhere. */
  Kit at(String host, int otherPort) {
    return new Kit(
        folder,
        federation,
        name,
        List.of(host),
        otherPort,
        key,
        certificate,
        authority,
        listen,
        server,
        clients);
  }

  /** What every kit's description begins with. */
  static JsonObject description(
      String role,
      String federation,
      String name,
      List<String> hosts,
      int port,
      Certificates.Identity party,
      Certificates.Identity ca) {
    return JsonObject.create()
        .put("format", FORMAT)
        .put("version", VERSION)
        .put("role", role)
        .put("federation", federation)
        .put("name", name)
        .put("hosts", hosts)
        .put("port", port)
        .put("fingerprint", fingerprint(party.certificate()))
        .put("ca", fingerprint(ca.certificate()));
  }

  /** SHA-256 of a certificate, 64 hexadecimal digits. */
  static String fingerprint(X509Certificate certificate) {
    try {
      return Sha256.hex(certificate.getEncoded());
    } catch (CertificateEncodingException e) {
      throw new IllegalArgumentException("certificate: has no encoding", e);
    }
  }

  static String requireFederation(String name) {
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}"))
      throw new IllegalArgumentException(
          "federation: its name must be 1 to 64 letters, digits, spaces, dots, _ and -, got \""
              + name
              + "\"");
    return name;
  }

  static Kit readServer(Path folder, InstantSource clock) throws IOException {
    JsonObject o = open(folder, "server");
    Map<String, String> clients = new HashMap<>();
    for (JsonObject c : o.objects("clients")) {
      String name = checked(c, "name", ClientName::require);
      if (clients.containsValue(name) || name.equals(ClientName.SERVER))
        throw c.wrong("name", "\"" + name + "\" stands there twice or is the server's own");
      clients.put(fingerprint(c, "fingerprint"), name);
    }
    String listen = o.string("listen");
    if (!Hosts.isAddress(listen))
      throw o.wrong("listen", "must be an address of this machine, or :: for all, got " + listen);
    return read(folder, o, clock, listen, null, clients);
  }

  static Kit readClient(Path folder, InstantSource clock) throws IOException {
    JsonObject o = open(folder, "client");
    X509Certificate server = certificate(folder.resolve(SERVER_CERTIFICATE), o, "server");
    return read(folder, o, clock, null, server, Map.of());
  }

  private static JsonObject open(Path folder, String role) throws IOException {
    if (!Files.isDirectory(folder))
      throw new FormatException(
          folder + ": no such folder; a kit is made by outpost provision and given to its party");
    JsonObject o = JsonObject.read(folder.resolve(DESCRIPTION));
    if (!o.string("format").equals(FORMAT))
      throw o.wrong("format", "must be " + FORMAT + ", got " + o.string("format"));
    if (o.integer("version") != VERSION)
      throw o.wrong("version", "must be " + VERSION + ", got " + o.integer("version"));
    if (!o.string("role").equals(role))
      throw o.wrong(
          "role", "is " + o.string("role") + ", but the kit of a " + role + " is needed here");
    return o;
  }

  private static Kit read(
      Path folder,
      JsonObject o,
      InstantSource clock,
      @Nullable String listen,
      @Nullable X509Certificate server,
      Map<String, String> clients)
      throws IOException {
    String federation = checked(o, "federation", Kit::requireFederation);
    String name = checked(o, "name", ClientName::require);
    List<String> hosts = o.strings("hosts");
    if (hosts.isEmpty()) throw o.wrong("hosts", "must name the server's host");
    for (String host : hosts)
      try {
        Hosts.require(host);
      } catch (IllegalArgumentException e) {
        throw o.wrong("hosts", "is not usable: " + e.getMessage());
      }
    X509Certificate ca = certificate(folder.resolve(AUTHORITY_CERTIFICATE), o, "ca");
    Path file = folder.resolve(CERTIFICATE);
    X509Certificate certificate = certificate(file, o, "fingerprint");
    checkValid(file, certificate, clock);
    try {
      certificate.verify(ca.getPublicKey());
    } catch (GeneralSecurityException e) {
      throw new FormatException(file + ": was not issued by the authority in ca.pem beside it");
    }
    PrivateKey key = key(folder.resolve(KEY), certificate);
    return new Kit(
        folder,
        federation,
        name,
        hosts,
        o.integer("port", 0, 65535),
        key,
        certificate,
        ca,
        listen,
        server,
        clients);
  }

  private interface Rule {
    String require(String value);
  }

  private static String checked(JsonObject o, String field, Rule rule) throws FormatException {
    try {
      return rule.require(o.string(field));
    } catch (IllegalArgumentException e) {
      throw o.wrong(field, "is not usable: " + e.getMessage());
    }
  }

  private static String fingerprint(JsonObject o, String field) throws FormatException {
    String text = o.string(field);
    if (!text.matches("[0-9a-f]{64}"))
      throw o.wrong(field, "must be 64 hexadecimal digits, got \"" + text + "\"");
    return text;
  }

  private static X509Certificate certificate(Path file, JsonObject o, String field)
      throws IOException {
    require(file);
    X509Certificate certificate;
    try {
      certificate =
          (X509Certificate)
              CertificateFactory.getInstance("X.509")
                  .generateCertificate(new ByteArrayInputStream(Pem.read(file, CERTIFICATE_LABEL)));
    } catch (CertificateException e) {
      throw new FormatException(file + ": holds no certificate: " + e.getMessage(), e);
    }
    String found = fingerprint(certificate);
    if (!found.equals(fingerprint(o, field)))
      throw o.wrong(field, "is not the fingerprint of " + file.getFileName() + ", " + found);
    return certificate;
  }

  private static void checkValid(Path file, X509Certificate certificate, InstantSource clock)
      throws FormatException {
    try {
      certificate.checkValidity(Date.from(clock.instant()));
    } catch (CertificateExpiredException e) {
      throw new FormatException(
          file
              + ": expired at "
              + certificate.getNotAfter().toInstant()
              + "; ask the owner for a new kit (outpost provision)");
    } catch (CertificateNotYetValidException e) {
      throw new FormatException(
          file
              + ": is valid from "
              + certificate.getNotBefore().toInstant()
              + " on, this machine's clock says "
              + clock.instant()
              + "; set the clock");
    }
  }

  private static PrivateKey key(Path file, X509Certificate certificate) throws IOException {
    require(file);
    if (Files.getFileAttributeView(file, PosixFileAttributeView.class) != null) {
      Set<PosixFilePermission> rights = Files.getPosixFilePermissions(file);
      if (rights.stream().anyMatch(r -> !r.name().startsWith("OWNER_")))
        throw new FormatException(
            file + ": others may read or write this secret key; chmod 600 " + file);
    }
    try {
      PrivateKey key =
          KeyFactory.getInstance("EC")
              .generatePrivate(new PKCS8EncodedKeySpec(Pem.read(file, KEY_LABEL)));
      Signature s = Signature.getInstance("SHA256withECDSA");
      s.initSign(key);
      byte[] signature = s.sign();
      s.initVerify(certificate.getPublicKey());
      if (!s.verify(signature))
        throw new FormatException(file + ": is not the key of the certificate beside it");
      return key;
    } catch (GeneralSecurityException e) {
      throw new FormatException(file + ": holds no P-256 key", e);
    }
  }

  private static void require(Path file) throws FormatException {
    if (!Files.isRegularFile(file))
      throw new FormatException(
          file + ": is missing; copy the whole kit, or ask the owner for a new one");
  }
}
