package dev.outpost.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import dev.outpost.offsite.federated.RefusedException;
import dev.outpost.wire.proto.Envelope;
import dev.outpost.wire.proto.Header;
import dev.outpost.wire.proto.HelloAsked;
import dev.outpost.wire.proto.HelloSaid;
import dev.outpost.wire.proto.OwnerGrpc;
import dev.outpost.wire.proto.OwnerGrpc.OwnerBlockingV2Stub;
import dev.outpost.wire.proto.ReplyHeader;
import io.grpc.ManagedChannel;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A client's connection to the server, made when needed and again when lost, and the session of
 * signed messages on it. For one thread at a time, but for {@link #close}.
 */
final class Line implements AutoCloseable {
  private final Kit kit;
  private final Limits limits;
  private final Memory memory;
  private final X509Certificate server;
  private final SslContext tls;
  private final EventLoopGroup bytes =
      new NioEventLoopGroup(1, new DefaultThreadFactory("wire-client", true));
  private final SecureRandom random = new SecureRandom();
  private volatile @Nullable ManagedChannel channel;
  private volatile boolean closed;
  private ByteString session = ByteString.EMPTY;
  private long counter;
  private int host;
  private int round;

  Line(Kit kit, Limits limits, Memory memory) throws IOException {
    this.kit = kit;
    this.limits = limits;
    this.memory = memory;
    this.server =
        Objects.requireNonNull(kit.server(), "a client's kit holds the server's certificate");
    this.tls =
        GrpcSslContexts.configure(
                SslContextBuilder.forClient()
                    .keyManager(new Identity(kit))
                    .trustManager(Trust.of(kit)),
                SslProvider.JDK)
            .protocols("TLSv1.3")
            .build();
  }

  /** What came is not the server's answer to what was asked. */
  static final class ForeignReplyException extends IOException {
    private static final long serialVersionUID = 1;

    ForeignReplyException(String message) {
      super(message);
    }
  }

  /** The server wants another attempt: later, or in a new session. */
  static final class LaterException extends IOException {
    private static final long serialVersionUID = 1;

    LaterException(String message) {
      super(message);
    }
  }

  /** The round of the last assignment, which every message names from now on. */
  void round(int now) {
    round = Math.max(round, now);
  }

  /** Calls with a session; opens connection and session where there is none. */
  OwnerBlockingV2Stub ready() throws IOException, InterruptedException {
    OwnerBlockingV2Stub stub = stub();
    if (session.isEmpty()) hello(stub);
    return stub;
  }

  private OwnerBlockingV2Stub stub() throws IOException {
    if (closed) throw new IOException("this client is closed");
    ManagedChannel open = channel;
    if (open == null) {
      open =
          NettyChannelBuilder.forAddress(kit.hosts().get(host % kit.hosts().size()), kit.port())
              .sslContext(tls)
              .eventLoopGroup(bytes)
              .channelType(NioSocketChannel.class)
              .directExecutor()
              .disableRetry()
              .maxInboundMessageSize(Limits.MESSAGE)
              .maxInboundMetadataSize(Limits.HEADERS)
              .keepAliveTime(limits.keepAlive().toMillis(), TimeUnit.MILLISECONDS)
              .keepAliveTimeout(limits.keepAlive().toMillis(), TimeUnit.MILLISECONDS)
              .build();
      channel = open;
    }
    return OwnerGrpc.newBlockingV2Stub(open);
  }

  private void hello(OwnerBlockingV2Stub stub) throws IOException, InterruptedException {
    byte[] nonce = new byte[32];
    random.nextBytes(nonce);
    HelloAsked asked = HelloAsked.newBuilder().setNonce(ByteString.copyFrom(nonce)).build();
    Envelope envelope = sign("Hello", asked);
    try {
      Envelope reply =
          stub.withDeadlineAfter(limits.stall().toMillis(), TimeUnit.MILLISECONDS).hello(envelope);
      HelloSaid said = HelloSaid.parseFrom(open(envelope, reply));
      memory.base(said.getBase());
      session = said.getSession();
      counter = 0;
    } catch (io.grpc.StatusException e) {
      throw broken(e);
    }
  }

  /** Signs a message as the next of this session. */
  Envelope sign(String call, MessageLite body) {
    Header header =
        Header.newBuilder()
            .setFederation(kit.federation())
            .setClient(kit.name())
            .setBase(memory.base())
            .setRound(round)
            .setSession(session)
            .setCounter(++counter)
            .setCall(call)
            .build();
    return Envelopes.sign(Envelopes.Side.REQUEST, header, body, kit.key());
  }

  /**
   * The body of a reply to a request.
   *
   * @throws RefusedException when the server refuses for good
   */
  ByteString open(Envelope request, Envelope reply) throws IOException {
    if (!Envelopes.verify(Envelopes.Side.REPLY, reply, server.getPublicKey()))
      throw new ForeignReplyException("a reply that the server did not sign");
    ReplyHeader header = ReplyHeader.parseFrom(reply.getHeader());
    if (!header.getRequest().equals(Envelopes.digest(request)))
      throw new ForeignReplyException("a reply to another request than was sent");
    if (!header.hasRefusal()) return reply.getBody();
    String reason = header.getRefusal().getReason();
    switch (header.getRefusal().getKind()) {
      case FINAL -> throw new RefusedException("the owner refuses: " + reason);
      case LATER -> throw new LaterException(reason);
      case SESSION -> {
        session = ByteString.EMPTY;
        throw new LaterException(reason);
      }
      case UNRECOGNIZED -> throw new ForeignReplyException("a refusal of a kind unknown here");
    }
    throw new IllegalStateException("every kind of refusal is thrown");
  }

  /** What is left after a failure: nothing of the connection, and the next host's turn. */
  void lost() {
    ManagedChannel open = channel;
    channel = null;
    host++;
    if (open != null) open.shutdownNow();
  }

  /** A failed call as an exception that says why. */
  static IOException broken(io.grpc.StatusException e) {
    if (e.getCause() instanceof InvalidProtocolBufferException)
      return new ForeignReplyException("a reply that cannot be read");
    String detail = e.getStatus().getDescription();
    return new IOException(
        "the connection failed ("
            + e.getStatus().getCode()
            + (detail == null ? "" : ", " + detail)
            + ")",
        e);
  }

  @Override
  public void close() {
    closed = true;
    lost();
    var _ = bytes.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }
}
