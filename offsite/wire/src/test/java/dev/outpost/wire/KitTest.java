package dev.outpost.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KitTest {
  private static final InstantSource CLOCK = InstantSource.system();

  @TempDir Path folder;
  private Path kits;

  @BeforeEach
  void provision() throws IOException {
    kits = folder.resolve("kits");
    Stage.provision(kits, CLOCK.instant());
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }

  private void refused(String... words) {
    var thrown =
        assertThatThrownBy(() -> Kit.readClient(kits.resolve("alice"), CLOCK))
            .isInstanceOf(FormatException.class);
    for (String word : words) thrown.hasMessageContaining(word);
  }

  @Test
  void everyPartyGetsAFolderAndNobodyElsesSecret() throws Exception {
    assertThat(names(folder)).containsExactly("kits");
    assertThat(names(kits)).containsExactly("alice", "bob", "ca", "server");
    assertThat(names(kits.resolve("ca"))).containsExactly("cert.pem", "key.pem");
    assertThat(names(kits.resolve("alice")))
        .containsExactly("ca.pem", "cert.pem", "key.pem", "kit.json", "server.pem");
    assertThat(names(kits.resolve("server")))
        .containsExactly("ca.pem", "cert.pem", "key.pem", "kit.json");
    for (String name : names(kits))
      assertThat(
              PosixFilePermissions.toString(
                  Files.getPosixFilePermissions(kits.resolve(name).resolve("key.pem"))))
          .isEqualTo("rw-------");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(kits.resolve("ca"))))
        .isEqualTo("rwx------");
  }

  @Test
  void certificatesSayWhoAndForHowLong() throws Exception {
    X509Certificate alice = Kit.readClient(kits.resolve("alice"), CLOCK).certificate();
    Kit server = Kit.readServer(kits.resolve("server"), CLOCK);
    assertThat(alice.getSubjectX500Principal().getName()).isEqualTo("CN=alice,O=demo");
    assertThat(alice.getSubjectAlternativeNames())
        .containsExactly(List.of(6, "urn:outpost:client:alice"));
    assertThat(server.certificate().getSubjectAlternativeNames())
        .containsExactly(List.of(7, "127.0.0.1"), List.of(2, "localhost"));
    // A clock that is slow by a day still finds it valid.
    assertThat(alice.getNotBefore().toInstant())
        .isBefore(Instant.now().minus(Duration.ofHours(23)));
    assertThat(server.authority().getBasicConstraints()).isZero();
    assertThat(alice.getBasicConstraints()).isEqualTo(-1);
    assertThat(server.clients().values()).containsExactlyInAnyOrder("alice", "bob");
    assertThat(server.listen()).isEqualTo("127.0.0.1");
  }

  @Test
  void nothingIsWrittenOver() throws Exception {
    byte[] before = Files.readAllBytes(kits.resolve("alice/key.pem"));
    assertThatThrownBy(() -> Stage.provision(kits, CLOCK.instant()))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining("not empty");
    assertThat(kits.resolve("alice/key.pem")).hasBinaryContent(before);
    Path empty = Files.createDirectory(folder.resolve("empty"));
    Stage.provision(empty, CLOCK.instant());
    assertThat(names(empty)).contains("server");
    assertThat(names(folder)).containsExactly("empty", "kits");
  }

  @Test
  void namesThatCannotBeAreRefusedBeforeAnythingIsWritten() {
    Path other = folder.resolve("other");
    record Case(String federation, String host, int port, String client, String reason) {}
    for (Case c :
        List.of(
            new Case("../x", "localhost", 1, "alice", "federation: its name"),
            new Case("demo", "local host", 1, "alice", "host: must be a name or an address"),
            new Case("demo", "localhost:99", 1, "alice", "without a port"),
            new Case("demo", "localhost", 70_000, "alice", "port must be 0 to 65535"),
            new Case("demo", "localhost", 1, "../alice", "client name"),
            new Case("demo", "localhost", 1, "server", "\"server\" is taken"),
            new Case("demo", "localhost", 1, "ca", "\"ca\" is taken"),
            new Case("demo", "localhost", 1, "bob", "\"bob\" is taken")))
      assertThatThrownBy(() ->
              Provision.write(
                  other,
                  c.federation(),
                  List.of(c.host()),
                  c.port(),
                  List.of("bob", c.client()),
                  Duration.ofDays(1),
                  CLOCK.instant()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(c.reason());
    assertThatThrownBy(() ->
            Provision.write(
                other,
                "demo",
                List.of("::1"),
                1,
                List.of("bob"),
                Duration.ofDays(40_000),
                CLOCK.instant()))
        .hasMessageContaining("validity");
    assertThat(other).doesNotExist();
  }

  @Test
  void aKitThatIsNotWholeSaysWhatIsMissing() throws Exception {
    Path alice = kits.resolve("alice");
    Files.delete(alice.resolve("server.pem"));
    refused("server.pem: is missing", "copy the whole kit");
    assertThatThrownBy(() -> Kit.readClient(folder.resolve("none"), CLOCK))
        .hasMessageContaining("no such folder")
        .hasMessageContaining("outpost provision");
    assertThatThrownBy(() -> Kit.readClient(kits.resolve("server"), CLOCK))
        .hasMessageContaining("field role is server, but the kit of a client is needed");
    assertThatThrownBy(() -> Kit.readServer(kits.resolve("bob"), CLOCK))
        .hasMessageContaining("field role is client, but the kit of a server is needed");
  }

  @Test
  void aKeyThatOthersMayReadIsNotUsed() throws Exception {
    Path key = kits.resolve("alice/key.pem");
    Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r--r--"));
    refused("others may read or write this secret key", "chmod 600");
  }

  @Test
  void aKeyThatIsNotItsCertificates() throws Exception {
    Path key = kits.resolve("alice/key.pem");
    Files.write(key, Files.readAllBytes(kits.resolve("bob/key.pem")));
    refused("key.pem: is not the key of the certificate beside it");
    Files.writeString(key, "hello");
    refused("key.pem: must begin with -----BEGIN PRIVATE KEY-----");
    Files.writeString(key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    refused("key.pem: holds no P-256 key");
    Files.delete(key);
    refused("key.pem: is missing");
  }

  @Test
  void aCertificateThatIsAnothers() throws Exception {
    Path certificate = kits.resolve("alice/cert.pem");
    Files.write(certificate, Files.readAllBytes(kits.resolve("bob/cert.pem")));
    refused("field fingerprint is not the fingerprint of cert.pem");
    Files.writeString(certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----");
    refused("cert.pem: holds no certificate");
  }

  @Test
  void aCertificateOutsideItsTime() {
    InstantSource late = InstantSource.offset(CLOCK, Duration.ofDays(3));
    assertThatThrownBy(() -> Kit.readClient(kits.resolve("alice"), late))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("cert.pem: expired at")
        .hasMessageContaining("ask the owner for a new kit");
    InstantSource early = InstantSource.offset(CLOCK, Duration.ofDays(-3));
    assertThatThrownBy(() -> Kit.readServer(kits.resolve("server"), early))
        .hasMessageContaining("is valid from")
        .hasMessageContaining("set the clock");
  }

  @Test
  void aDescriptionThatSaysWhatCannotBe() throws Exception {
    Path file = kits.resolve("alice/kit.json");
    record Case(String field, Object value, String reason) {}
    for (Case c :
        List.of(
            new Case("format", "zip", "field format must be outpost-kit, got zip"),
            new Case("version", 2, "field version must be 1, got 2"),
            new Case("federation", "../x", "field federation is not usable"),
            new Case("name", "Alice/..", "field name is not usable"),
            new Case("port", 65_536, "field port must be between 0 and 65535"),
            new Case("port", "80", "field port must be an integer"),
            new Case("hosts", List.of(), "field hosts must name the server's host"),
            new Case("hosts", List.of("a b"), "field hosts is not usable"),
            new Case("ca", "ff", "field ca must be 64 hexadecimal digits"),
            new Case("server", "ab".repeat(32), "is not the fingerprint of server.pem"))) {
      JsonObject whole = JsonObject.read(file);
      JsonObject.read(file).put(c.field(), c.value()).write(file);
      refused("kit.json", c.reason());
      whole.write(file);
    }
    Files.writeString(file, "{");
    refused("kit.json: not valid JSON");
    Path server = kits.resolve("server/kit.json");
    JsonObject whole = JsonObject.read(server);
    JsonObject twice = whole.objects("clients").getFirst();
    JsonObject.read(server).put("clients", List.of(twice, twice)).write(server);
    assertThatThrownBy(() -> Kit.readServer(kits.resolve("server"), CLOCK))
        .hasMessageContaining("stands there twice");
  }
}
