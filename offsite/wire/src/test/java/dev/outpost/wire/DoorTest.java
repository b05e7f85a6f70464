package dev.outpost.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.outpost.offsite.federated.Answer;
import dev.outpost.offsite.federated.Blob;
import dev.outpost.offsite.federated.Receipt;
import dev.outpost.offsite.federated.RefusedException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.wire.proto.Envelope;
import dev.outpost.wire.proto.FetchAsked;
import dev.outpost.wire.proto.Header;
import dev.outpost.wire.proto.HelloAsked;
import dev.outpost.wire.proto.HelloSaid;
import dev.outpost.wire.proto.OwnerGrpc;
import dev.outpost.wire.proto.OwnerGrpc.OwnerBlockingV2Stub;
import dev.outpost.wire.proto.Part;
import io.grpc.ManagedChannel;
import io.grpc.StatusException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.BlockingClientCall;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who is turned away before a message is read, or for being slow. */
class DoorTest {
  private static final Duration LONG = Duration.ofSeconds(60);
  private static final Duration SHORT = Duration.ofSeconds(1);

  @TempDir Path folder;
  private Stage stage;

  @BeforeEach
  void open() throws Exception {
    stage = new Stage(folder);
  }

  @AfterEach
  void close() throws Exception {
    try (WireCoordinator honest = stage.client("bob")) {
      assertThat(honest.next(Duration.ZERO)).isInstanceOf(Answer.Wait.class);
    }
    stage.close();
  }

  /** Has the server lose patience soon. */
  private void hasten() throws IOException {
    stage.restart(Stage.limits(SHORT.multipliedBy(2), SHORT, LONG));
  }

  private Socket socket() throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), stage.port());
    socket.setSoTimeout(60_000);
    return stage.closing(socket);
  }

  /** Reads until the server ends the connection. */
  private static void untilClosed(Socket socket) {
    try {
      while (socket.getInputStream().read() >= 0) {
        // An alert, perhaps.
      }
    } catch (java.net.SocketTimeoutException e) {
      throw new AssertionError("the server keeps the connection", e);
    } catch (IOException e) {
      // Reset: closed as well.
    }
  }

  @Test
  void garbage() throws Exception {
    Socket socket = socket();
    OutputStream out = socket.getOutputStream();
    out.write(Stage.random(5000, 1));
    out.flush();
    untilClosed(socket);
    stage.refused("speaks no TLS");
  }

  @Test
  void garbageThatBeginsLikeTls() throws Exception {
    byte[] bytes = Stage.random(5000, 2);
    System.arraycopy(new byte[] {0x16, 3, 1, 2, 0, 1}, 0, bytes, 0, 6);
    Socket socket = socket();
    socket.getOutputStream().write(bytes);
    untilClosed(socket);
    stage.refused("TLS: ");
  }

  @Test
  void plainText() throws Exception {
    Socket socket = socket();
    socket
        .getOutputStream()
        .write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    untilClosed(socket);
    stage.refused("speaks no TLS: its first byte is 0x47");
    ManagedChannel plain =
        NettyChannelBuilder.forAddress("127.0.0.1", stage.port()).usePlaintext().build();
    stage.closing(plain::shutdownNow);
    assertThatThrownBy(
            () -> OwnerGrpc.newBlockingV2Stub(plain).hello(Envelope.getDefaultInstance()))
        .isInstanceOf(StatusException.class);
    stage.refused("speaks no TLS: its first byte is 0x50");
  }

  @Test
  void aConnectionThatSaysNothingOrDribbles() throws Exception {
    hasten();
    Socket silent = socket();
    Socket slow = socket();
    slow.getOutputStream().write(0x16);
    untilClosed(silent);
    untilClosed(slow);
    stage.refused("sent 0 bytes");
    stage.refused("sent 1 bytes");
  }

  private void distrusted(Kit kit, String audit) throws Exception {
    try (WireCoordinator c = stage.client(kit.at("127.0.0.1", stage.port()), "x", Stage.LIMITS)) {
      assertThatThrownBy(() -> c.next(LONG))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("does not take this kit's certificate");
    }
    JsonObject line = stage.refused(audit);
    assertThat(line.value("event")).isEqualTo("turned-away");
    assertThat(line.value("party")).isEqualTo("-");
    assertThat(line.value("from").toString()).contains("127.0.0.1");
  }

  /** This kit's certificate and key, with the trust of the stage's own kit. */
  private Kit disguised(Kit other) throws IOException {
    Kit own = stage.kit("alice");
    return new Kit(
        own.folder(),
        own.federation(),
        own.name(),
        own.hosts(),
        own.port(),
        other.key(),
        other.certificate(),
        own.authority(),
        null,
        own.server(),
        java.util.Map.of());
  }

  @Test
  void aCertificateOfAnotherAuthority() throws Exception {
    Path foreign = folder.resolve("foreign");
    Stage.provision(foreign, Instant.now());
    Kit other = Kit.readClient(foreign.resolve("alice"), Stage.CLOCK);
    distrusted(disguised(other), "was not issued by the authority of the federation \"demo\"");
    // And the other way round: a client does not talk to a server of another authority.
    try (WireCoordinator c = stage.client(other.at("127.0.0.1", stage.port()), "y", Stage.LIMITS)) {
      assertThatThrownBy(() -> c.next(LONG))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("the server that answers is not this kit's")
          .hasMessageContaining("was not issued by the authority");
    }
  }

  @Test
  void anExpiredCertificateAndOneOfTheFuture() throws Exception {
    for (int days : new int[] {-10, 10}) {
      Instant then = Instant.now().plus(Duration.ofDays(days));
      // Certificates of the stage's own authority, made at another time.
      Kit own = stage.kit("alice");
      var authority =
          new Certificates.Identity(
              own.authority(),
              new java.security.KeyPair(
                  own.authority().getPublicKey(), Kits.key(stage.kits.resolve("ca/key.pem"))));
      var made = new Certificates("demo", then, Duration.ofDays(2)).client(authority, "alice");
      Kit timed =
          new Kit(
              own.folder(),
              "demo",
              "alice",
              own.hosts(),
              own.port(),
              made.keys().getPrivate(),
              made.certificate(),
              own.authority(),
              null,
              own.server(),
              java.util.Map.of());
      distrusted(timed, days < 0 ? "expired at" : "is valid only from");
    }
  }

  @Test
  void theServersCertificateIsNoClients() throws Exception {
    Kit server = Kit.readServer(stage.kits.resolve("server"), Stage.CLOCK);
    distrusted(disguised(server), "is not usable here");
  }

  @Test
  void aClientWithoutCertificate() throws Exception {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", stage.port())
            .sslContext(
                io.grpc.netty.GrpcSslContexts.forClient()
                    .trustManager(stage.kit("alice").authority())
                    .build())
            .build();
    stage.closing(channel::shutdownNow);
    assertThatThrownBy(
            () -> OwnerGrpc.newBlockingV2Stub(channel).hello(Envelope.getDefaultInstance()))
        .isInstanceOf(StatusException.class);
    stage.refused("TLS: ");
  }

  @Test
  void aClientThatTheKitDoesNotName() throws Exception {
    Path kit = stage.kits.resolve("server/kit.json");
    JsonObject o = JsonObject.read(kit);
    o.put(
        "clients",
        o.objects("clients").stream().filter(c -> c.value("name").equals("bob")).toList());
    o.write(kit);
    stage.restart();
    try (WireCoordinator alice = stage.client("alice")) {
      assertThatThrownBy(() -> alice.next(LONG))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("lists no client of this certificate");
    }
    assertThat(stage.refused("lists no client").value("party")).isEqualTo("-");
  }

  @Test
  void anUploadThatDribbles() throws Exception {
    hasten();
    Kit alice = stage.kit("alice");
    BlockingClientCall<Part, Envelope> call =
        OwnerGrpc.newBlockingV2Stub(stage.channel(alice)).upload();
    assertThatThrownBy(call::read).isInstanceOf(StatusException.class);
    JsonObject line = stage.refused("neither sent nor took anything for 1000 ms");
    assertThat(line.value("party")).isEqualTo("alice");
    assertThat(line.value("call")).isEqualTo("Upload");
  }

  @Test
  void aFileThatIsNotTaken() throws Exception {
    hasten();
    Blob blob = stage.rounds.offer(new byte[12 << 20]);
    OwnerBlockingV2Stub owner = OwnerGrpc.newBlockingV2Stub(stage.channel(stage.kit("alice")));
    Header.Builder header =
        Header.newBuilder().setFederation("demo").setClient("alice").setBase(FakeRounds.BASE);
    HelloAsked nonce = HelloAsked.newBuilder().setNonce(ByteString.copyFrom(new byte[32])).build();
    Envelope hello = owner.hello(signed(header.setCall("Hello"), nonce));
    FetchAsked asked = FetchAsked.newBuilder().setBlob(Messages.write(blob)).build();
    header.setSession(HelloSaid.parseFrom(hello.getBody()).getSession());
    BlockingClientCall<?, Part> call =
        owner.fetch(signed(header.setCall("Fetch").setCounter(1), asked));
    assertThat(call.read().hasEnvelope()).isTrue();
    JsonObject line = stage.refused("neither sent nor took anything for 1000 ms");
    assertThat(line.value("call")).isEqualTo("Fetch");
    stage.logged(l -> l.value("event").equals("fetch-broken"));
  }

  private Envelope signed(Header.Builder header, MessageLite body) throws IOException {
    return Envelopes.sign(Envelopes.Side.REQUEST, header.build(), body, stage.kit("alice").key());
  }

  @Test
  void aConnectionWhoseOtherEndIsGone() throws Exception {
    Limits l = Stage.LIMITS;
    stage.restart(
        new Limits(
            l.handshake(),
            l.idle(),
            l.age(),
            SHORT,
            l.stall(),
            l.poll(),
            l.connections(),
            l.handshakes(),
            l.connectionsPerClient(),
            l.calls(),
            l.callsPerClient(),
            l.spareBytes(),
            l.firstPause(),
            l.longestPause(),
            l.giveUp()));
    // Not closed: what the client sends from some moment on is lost.
    Tap tap = stage.closing(new Tap(stage.port(), new Tap.Plan(true, 20_000, Tap.Fault.STALL)));
    Kit kit = stage.kit("alice").at("127.0.0.1", tap.port());
    Path update = Files.write(folder.resolve("update"), new byte[100_000]);
    try (WireCoordinator alice = stage.client(kit, "alice", Stage.LIMITS)) {
      // The server lets go of the connection, whereupon the client makes another.
      assertThat(alice.submit(update)).isEqualTo(Receipt.ACCEPTED);
    }
    assertThat(tap.struck()).isOne();
    JsonObject broken = stage.logged(o -> o.value("event").equals("broken"));
    assertThat(broken.value("call")).isEqualTo("Upload");
  }

  @Test
  void moreConnectionsThanBorne() throws Exception {
    Socket last = socket();
    for (int i = 0; i < Stage.LIMITS.handshakes(); i++) last = socket();
    untilClosed(last);
    stage.refused("16 connections already that show no certificate");
  }

  @Test
  void theOldestConnectionOfAClientMakesRoom() throws Exception {
    Kit bob = stage.kit("bob");
    for (int i = 0; i <= Stage.LIMITS.connectionsPerClient(); i++) {
      WireCoordinator c = stage.client(bob, "bob" + i, Stage.LIMITS);
      assertThat(c.next(Duration.ZERO)).isInstanceOf(Answer.Wait.class);
    }
    Stage.until(() -> stage.server().connections() == Stage.LIMITS.connectionsPerClient());
    JsonObject line = stage.refused("the same party opened a newer one");
    assertThat(line.value("party")).isEqualTo("bob");
  }
}
