package dev.outpost.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.outpost.offsite.federated.Answer;
import dev.outpost.offsite.federated.Blob;
import dev.outpost.offsite.federated.RefusedException;
import dev.outpost.offsite.federated.UnreachableException;
import dev.outpost.wire.proto.Chunk;
import dev.outpost.wire.proto.Envelope;
import dev.outpost.wire.proto.FetchSaid;
import dev.outpost.wire.proto.HelloSaid;
import dev.outpost.wire.proto.NextSaid;
import dev.outpost.wire.proto.OwnerGrpc;
import dev.outpost.wire.proto.Part;
import dev.outpost.wire.proto.Refusal;
import dev.outpost.wire.proto.ReplyHeader;
import io.grpc.Server;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a client makes of a server, or of someone between, that does not keep to the protocol. */
class HostileServerTest {
  private static final Duration LONG = Duration.ofSeconds(60);
  private static final byte[] CONTENT = {1, 2, 3, 4, 5};

  @TempDir Path folder;
  private Path kits;
  private Kit server;
  private Server running;
  private final Fake fake = new Fake();

  /** Answers whatever a test wants. */
  private static final class Fake extends OwnerGrpc.OwnerImplBase {
    PrivateKey key;
    String base = FakeRounds.BASE;
    MessageLite said = Messages.write(new Answer.Wait(Duration.ofMillis(7)));
    UnaryOperator<Envelope> twist = e -> e;
    UnaryOperator<Chunk> chunk = c -> c;
    long bytes = CONTENT.length;
    final AtomicInteger fetches = new AtomicInteger();
    private int hellos;

    private Envelope reply(Envelope request, MessageLite body) {
      ReplyHeader header = ReplyHeader.newBuilder().setRequest(Envelopes.digest(request)).build();
      return Envelopes.sign(Envelopes.Side.REPLY, header, body, key);
    }

    @Override
    public void hello(Envelope request, StreamObserver<Envelope> out) {
      ByteString session = ByteString.copyFrom(Stage.random(32, ++hellos));
      out.onNext(reply(request, HelloSaid.newBuilder().setSession(session).setBase(base).build()));
      out.onCompleted();
    }

    @Override
    public void next(Envelope request, StreamObserver<Envelope> out) {
      out.onNext(twist.apply(reply(request, said)));
      out.onCompleted();
    }

    @Override
    public void fetch(Envelope request, StreamObserver<Part> out) {
      fetches.incrementAndGet();
      Envelope first = reply(request, FetchSaid.newBuilder().setBytes(bytes).build());
      out.onNext(Part.newBuilder().setEnvelope(twist.apply(first)).build());
      Chunk whole =
          Chunk.newBuilder()
              .setData(ByteString.copyFrom(CONTENT))
              .setSha256(ByteString.copyFrom(Sha256.of(CONTENT)))
              .build();
      out.onNext(Part.newBuilder().setChunk(chunk.apply(whole)).build());
      out.onCompleted();
    }
  }

  @BeforeEach
  void open() throws Exception {
    kits = folder.resolve("kits");
    Stage.provision(kits, Stage.CLOCK.instant());
    server = Kit.readServer(kits.resolve("server"), Stage.CLOCK);
    fake.key = server.key();
    running = start(server);
  }

  private Server start(Kit kit) throws Exception {
    return start(kit, InetAddress.getLoopbackAddress());
  }

  private Server start(Kit kit, InetAddress address) throws Exception {
    return NettyServerBuilder.forAddress(new InetSocketAddress(address, 0))
        .sslContext(
            GrpcSslContexts.configure(
                    SslContextBuilder.forServer(kit.key(), kit.certificate())
                        .trustManager(server.authority())
                        .clientAuth(ClientAuth.REQUIRE),
                    SslProvider.JDK)
                .build())
        .addService(fake)
        .build()
        .start();
  }

  @AfterEach
  void close() {
    running.shutdownNow();
  }

  private WireCoordinator alice(Duration giveUp) throws Exception {
    Kit kit = Kit.readClient(kits.resolve("alice"), Stage.CLOCK);
    return WireCoordinator.open(
        kit.at("127.0.0.1", running.getPort()),
        folder.resolve("client"),
        Stage.limits(LONG, LONG, giveUp));
  }

  private void unusable(String reason) throws Exception {
    try (WireCoordinator alice = alice(Duration.ofMillis(20))) {
      assertThatThrownBy(() -> alice.next(LONG))
          .isInstanceOf(UnreachableException.class)
          .hasMessageContaining(reason);
    }
  }

  @Test
  void anHonestReplyIsTaken() throws Exception {
    try (WireCoordinator alice = alice(LONG)) {
      assertThat(alice.next(LONG)).isEqualTo(new Answer.Wait(Duration.ofMillis(7)));
      alice.fetch(new Blob(Sha256.hex(CONTENT), 5), folder.resolve("file"));
    }
    assertThat(folder.resolve("file")).hasBinaryContent(CONTENT);
  }

  @Test
  void aReplyThatAnotherSignedOrChangedOrPlayedAgain() throws Exception {
    fake.twist = e -> e.toBuilder().setBody(ByteString.copyFrom(new byte[2])).build();
    unusable("a reply that the server did not sign");
    Envelope[] first = new Envelope[1];
    fake.twist =
        e -> {
          if (first[0] == null) first[0] = e;
          return first[0];
        };
    try (WireCoordinator alice = alice(LONG)) {
      assertThat(alice.next(LONG)).isInstanceOf(Answer.Wait.class);
    }
    unusable("a reply to another request");
    fake.twist = e -> e;
    fake.key = Kits.key(kits.resolve("bob/key.pem"));
    unusable("a reply that the server did not sign");
  }

  @Test
  void aRefusalThatNobodySignedEndsNothing() throws Exception {
    int[] asked = new int[1];
    fake.twist =
        e -> {
          if (asked[0]++ > 0) return e;
          Refusal refusal = Refusal.newBuilder().setReason("go away").build();
          ReplyHeader header = ReplyHeader.newBuilder().setRefusal(refusal).build();
          return e.toBuilder().setHeader(header.toByteString()).build();
        };
    try (WireCoordinator alice = alice(LONG)) {
      assertThat(alice.next(LONG)).isInstanceOf(Answer.Wait.class);
    }
    assertThat(asked[0]).isEqualTo(2);
  }

  @Test
  void anAnswerThatCannotBe() throws Exception {
    Blob global = new Blob("cd".repeat(32), 5);
    Answer bobs = new Answer.Tune(FakeRounds.assignment("bob", 1, global));
    NextSaid.Builder pathLike =
        Messages.write(new Answer.Tune(FakeRounds.assignment("alice", 1, global))).toBuilder();
    pathLike.getTuneBuilder().putPack("../../.ssh/id", Messages.write(global));
    refused(NextSaid.getDefaultInstance(), "of a kind unknown here");
    refused(Messages.write(bobs), "the owner's assignment is for bob of demo");
    refused(pathLike.build(), "is no name of a file in a package");
  }

  private void refused(NextSaid said, String reason) throws Exception {
    fake.said = said;
    try (WireCoordinator alice = alice(LONG)) {
      assertThatThrownBy(() -> alice.next(LONG))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining(reason);
    }
  }

  @Test
  void aChunkThatWasChanged() throws Exception {
    Blob blob = new Blob(Sha256.hex(CONTENT), 5);
    fake.chunk =
        c ->
            fake.fetches.get() == 1
                ? c.toBuilder().setData(ByteString.copyFrom(new byte[] {1, 2, 3, 4, 6})).build()
                : c;
    try (WireCoordinator alice = alice(LONG)) {
      alice.fetch(blob, folder.resolve("file"));
    }
    assertThat(fake.fetches.get()).isEqualTo(2);
    assertThat(folder.resolve("file")).hasBinaryContent(CONTENT);
    // Changed together with its digest: the whole is another than was named.
    byte[] other = {1, 2, 3, 4, 6};
    fake.chunk =
        c ->
            c.toBuilder()
                .setData(ByteString.copyFrom(other))
                .setSha256(ByteString.copyFrom(Sha256.of(other)))
                .build();
    try (WireCoordinator alice = alice(Duration.ofMillis(20))) {
      assertThatThrownBy(() -> alice.fetch(blob, folder.resolve("second")))
          .isInstanceOf(UnreachableException.class)
          .hasMessageContaining("its digest is " + Sha256.hex(other));
    }
    assertThat(folder.resolve("second")).doesNotExist();
    fake.bytes = Long.MAX_VALUE;
    try (WireCoordinator alice = alice(LONG)) {
      assertThatThrownBy(() -> alice.fetch(blob, folder.resolve("second")))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("has 9223372036854775807 bytes, not 5");
    }
  }

  @Test
  void anotherBaseThanBefore() throws Exception {
    try (WireCoordinator alice = alice(LONG)) {
      assertThat(alice.next(LONG)).isInstanceOf(Answer.Wait.class);
    }
    fake.base = "99".repeat(32);
    try (WireCoordinator alice = alice(LONG)) {
      assertThatThrownBy(() -> alice.next(LONG))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("the owner's base is 9999")
          .hasMessageContaining("use another folder");
    }
  }

  @Test
  void anotherServerOfTheSameAuthority() throws Exception {
    var authority =
        new Certificates.Identity(
            server.authority(),
            new java.security.KeyPair(
                server.authority().getPublicKey(), Kits.key(kits.resolve("ca/key.pem"))));
    var made =
        new Certificates("demo", Stage.CLOCK.instant(), Duration.ofDays(1))
            .server(authority, "server", server.hosts());
    running.shutdownNow();
    running =
        start(
            new Kit(
                kits,
                "demo",
                "server",
                server.hosts(),
                0,
                made.keys().getPrivate(),
                made.certificate(),
                server.authority(),
                "127.0.0.1",
                null,
                java.util.Map.of()));
    try (WireCoordinator alice = alice(LONG)) {
      assertThatThrownBy(() -> alice.next(LONG))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("not the server that this kit was made for");
    }
  }

  @Test
  void aServerReachedByAnotherName() throws Exception {
    Kit kit = Kit.readClient(kits.resolve("alice"), Stage.CLOCK);
    Server other = start(server, InetAddress.ofLiteral("127.0.0.2"));
    try (WireCoordinator alice =
        WireCoordinator.open(
            kit.at("127.0.0.2", other.getPort()), folder.resolve("client"), Stage.LIMITS)) {
      assertThatThrownBy(() -> alice.next(LONG))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("127.0.0.2");
    } finally {
      other.shutdownNow();
    }
  }
}
