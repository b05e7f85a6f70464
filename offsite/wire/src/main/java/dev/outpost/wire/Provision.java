package dev.outpost.wire;

import dev.outpost.offsite.artifact.Pem;
import dev.outpost.offsite.federated.ClientName;
import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.PrivateFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;

/** Writes start kits: a folder for the server, one for each client, and {@code ca}, which stays. */
final class Provision {
  private static final Duration LONGEST = Duration.ofDays(36_500);

  private Provision() {}

  static void write(
      Path folder,
      String federation,
      List<String> hosts,
      int port,
      List<String> clients,
      Duration validity,
      Instant now)
      throws IOException {
    check(federation, hosts, port, clients, validity);
    if (Files.exists(folder) && !isEmptyFolder(folder))
      throw new FileAlreadyExistsException(
          folder + ": is there and not empty; kits are never written over, name another folder");
    Path whole = folder.toAbsolutePath();
    Path draft = whole.resolveSibling("." + whole.getFileName() + "." + UUID.randomUUID());
    try {
      Files.createDirectories(draft);
      kits(draft, new Certificates(federation, now, validity), federation, hosts, port, clients);
      Files.deleteIfExists(whole);
      Files.move(draft, whole, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      delete(draft);
    }
  }

  private static void check(
      String federation, List<String> hosts, int port, List<String> clients, Duration validity) {
    Kit.requireFederation(federation);
    if (hosts.isEmpty())
      throw new IllegalArgumentException(
          "provision: needs a name or address by which clients reach the server");
    hosts.forEach(Hosts::require);
    if (port < 0 || port > 65535)
      throw new IllegalArgumentException("provision: port must be 0 to 65535, got " + port);
    if (clients.isEmpty()) throw new IllegalArgumentException("provision: needs a client's name");
    Set<String> seen = new HashSet<>(Set.of(ClientName.SERVER, Kit.AUTHORITY));
    for (String client : clients)
      if (!seen.add(ClientName.require(client)))
        throw new IllegalArgumentException(
            "provision: \""
                + client
                + "\" is taken; names must differ from each other, from "
                + ClientName.SERVER
                + " and from "
                + Kit.AUTHORITY);
    if (validity.compareTo(Duration.ofHours(1)) < 0 || validity.compareTo(LONGEST) > 0)
      throw new IllegalArgumentException(
          "provision: validity must be an hour to 36500 days, got " + validity);
  }

  private static void kits(
      Path folder,
      Certificates certificates,
      String federation,
      List<String> hosts,
      int port,
      List<String> clients)
      throws IOException {
    Certificates.Identity ca = certificates.authority();
    Path authority = Files.createDirectory(folder.resolve(Kit.AUTHORITY));
    if (Files.getFileAttributeView(authority, PosixFileAttributeView.class) != null)
      Files.setPosixFilePermissions(authority, PosixFilePermissions.fromString("rwx------"));
    identity(authority, ca);

    Certificates.Identity server = certificates.server(ca, ClientName.SERVER, hosts);
    List<JsonObject> known = new ArrayList<>();
    for (String name : clients) {
      Certificates.Identity client = certificates.client(ca, name);
      known.add(
          JsonObject.create()
              .put("name", name)
              .put("fingerprint", Kit.fingerprint(client.certificate())));
      Path kit = kit(folder, name, client, ca);
      AtomicFile.write(kit.resolve(Kit.SERVER_CERTIFICATE), pem(server.certificate()));
      Kit.description("client", federation, name, hosts, port, client, ca)
          .put("server", Kit.fingerprint(server.certificate()))
          .write(kit.resolve(Kit.DESCRIPTION));
    }
    Path kit = kit(folder, ClientName.SERVER, server, ca);
    Kit.description("server", federation, ClientName.SERVER, hosts, port, server, ca)
        .put("listen", Hosts.listen(hosts))
        .put("clients", known)
        .write(kit.resolve(Kit.DESCRIPTION));
  }

  private static Path kit(
      Path folder, String name, Certificates.Identity party, Certificates.Identity ca)
      throws IOException {
    Path kit = Files.createDirectory(folder.resolve(name));
    identity(kit, party);
    AtomicFile.write(kit.resolve(Kit.AUTHORITY_CERTIFICATE), pem(ca.certificate()));
    return kit;
  }

  private static void identity(Path kit, Certificates.Identity identity) throws IOException {
    AtomicFile.write(kit.resolve(Kit.CERTIFICATE), pem(identity.certificate()));
    PrivateFile.create(
        kit.resolve(Kit.KEY),
        Pem.write(Kit.KEY_LABEL, identity.keys().getPrivate().getEncoded())
            .getBytes(StandardCharsets.US_ASCII));
  }

  private static byte[] pem(X509Certificate certificate) {
    try {
      return Pem.write(Kit.CERTIFICATE_LABEL, certificate.getEncoded())
          .getBytes(StandardCharsets.US_ASCII);
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException("a certificate made here has an encoding", e);
    }
  }

  private static boolean isEmptyFolder(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) return false;
    try (Stream<Path> files = Files.list(folder)) {
      return files.findAny().isEmpty();
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) return;
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(file);
    }
  }
}
