package dev.outpost.wire;

import dev.outpost.offsite.federated.AuditLog;
import dev.outpost.offsite.federated.Transport;
import io.grpc.Codec;
import io.grpc.DecompressorRegistry;
import io.grpc.Server;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * The server of a federation: TLS 1.3 of the JDK on both sides, few threads for bytes, a virtual
 * one for each call.
 */
final class WireServer implements Transport.Listening {
  private static final int BYTE_THREADS = 2;
  private static final int RESETS = 200;
  private static final int RESETS_SECONDS = 30;

  private final Server server;
  private final EventLoopGroup accepting;
  private final EventLoopGroup bytes;
  private final ExecutorService work;
  private final ScheduledExecutorService sweeper;
  private final Doorkeeper doorkeeper;

  private WireServer(Kit kit, Rounds rounds, AuditLog audit, Limits limits) throws IOException {
    Logbook log = new Logbook(audit);
    Guests guests = new Guests(kit.clients());
    doorkeeper = new Doorkeeper(limits, log, guests);
    Calls calls = new Calls(limits, log, doorkeeper, guests, System::nanoTime);
    SslContext tls =
        GrpcSslContexts.configure(
                SslContextBuilder.forServer(new Identity(kit))
                    .trustManager(Trust.of(kit))
                    .clientAuth(ClientAuth.REQUIRE),
                SslProvider.JDK)
            .protocols("TLSv1.3")
            .build();
    accepting = new NioEventLoopGroup(1, new DefaultThreadFactory("wire-accept", true));
    bytes = new NioEventLoopGroup(BYTE_THREADS, new DefaultThreadFactory("wire-bytes", true));
    work = Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("wire-", 0).factory());
    sweeper =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("wire-sweep").factory());
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(
                new InetSocketAddress(
                    InetAddress.ofLiteral(String.valueOf(kit.listen())), kit.port()))
            .sslContext(tls)
            .bossEventLoopGroup(accepting)
            .workerEventLoopGroup(bytes)
            .channelFactory(doorkeeper::socket)
            .executor(work)
            .addTransportFilter(doorkeeper)
            .intercept(calls)
            .addService(new Desk(kit, rounds, limits, log, guests))
            .decompressorRegistry(
                DecompressorRegistry.emptyInstance().with(Codec.Identity.NONE, false))
            .maxInboundMessageSize(Limits.MESSAGE)
            .maxInboundMetadataSize(Limits.HEADERS)
            .maxConcurrentCallsPerConnection(limits.callsPerClient())
            .maxRstFramesPerWindow(RESETS, RESETS_SECONDS)
            .handshakeTimeout(limits.handshake().toMillis(), TimeUnit.MILLISECONDS)
            .maxConnectionIdle(limits.idle().toMillis(), TimeUnit.MILLISECONDS)
            .maxConnectionAge(limits.age().toMillis(), TimeUnit.MILLISECONDS)
            .maxConnectionAgeGrace(limits.age().toMillis(), TimeUnit.MILLISECONDS)
            .keepAliveTime(limits.keepAlive().toMillis(), TimeUnit.MILLISECONDS)
            .keepAliveTimeout(limits.keepAlive().toMillis(), TimeUnit.MILLISECONDS)
            .permitKeepAliveTime(limits.keepAlive().toMillis() / 2, TimeUnit.MILLISECONDS)
            .permitKeepAliveWithoutCalls(true);
    server = builder.build();
    long often = Math.max(1, limits.stall().toMillis() / 4);
    var _ = sweeper.scheduleWithFixedDelay(calls::sweep, often, often, TimeUnit.MILLISECONDS);
    try {
      server.start();
    } catch (IOException e) {
      close();
      throw new IOException(
          "server: cannot listen on "
              + kit.listen()
              + " port "
              + kit.port()
              + ": "
              + (e.getCause() == null ? e.getMessage() : e.getCause().getMessage()),
          e);
    }
  }

  static WireServer start(Kit kit, Rounds rounds, AuditLog audit, Limits limits)
      throws IOException {
    if (!kit.federation().equals(rounds.name()))
      throw new IllegalArgumentException(
          kit.folder()
              + ": is a kit of the federation \""
              + kit.federation()
              + "\", the rounds are of \""
              + rounds.name()
              + "\"");
    return new WireServer(kit, rounds, audit, limits);
  }

  @Override
  public int port() {
    return server.getPort();
  }

  /** Connections that are open now. */
  int connections() {
    return doorkeeper.open();
  }

  @Override
  public void close() {
    server.shutdown();
    try {
      if (!server.awaitTermination(1, TimeUnit.SECONDS)) server.shutdownNow();
      server.awaitTermination(2, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
    sweeper.shutdownNow();
    // Not interrupted: a thread that is interrupted while it writes closes the file for all.
    work.shutdown();
    var _ = accepting.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    var unusedToo = bytes.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }
}
