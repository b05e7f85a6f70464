package dev.outpost.wire;

import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.ServerTransportFilter;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.ssl.SslHandler;
import java.net.SocketAddress;
import java.security.cert.X509Certificate;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/**
 * Counts connections from their first moment, closes those above a limit, and records why one did
 * not become a connection of mutual TLS: before that moment there is nobody to answer to.
 */
final class Doorkeeper extends ServerTransportFilter {
  private static final int TLS_HANDSHAKE = 0x16;

  private final Limits limits;
  private final Logbook log;
  private final Guests guests;
  private final Map<SocketAddress, Door> doors = new ConcurrentHashMap<>();
  private final AtomicInteger handshaking = new AtomicInteger();
  private final Map<String, Deque<Door>> byParty = new HashMap<>();

  Doorkeeper(Limits limits, Logbook log, Guests guests) {
    this.limits = limits;
    this.log = log;
    this.guests = guests;
  }

  /** A listening socket whose connections pass by here first. */
  NioServerSocketChannel socket() {
    return new NioServerSocketChannel() {
      @Override
      protected int doReadMessages(List<Object> accepted) throws Exception {
        int before = accepted.size();
        int n = super.doReadMessages(accepted);
        for (Object o : accepted.subList(before, accepted.size()))
          if (o instanceof SocketChannel c) c.pipeline().addLast(new Door());
        return n;
      }
    };
  }

  /** Cuts a connection. */
  void cut(@Nullable SocketAddress from, String reason) {
    Door door = from == null ? null : doors.get(from);
    if (door != null) door.close(reason);
  }

  /** Connections that are open now, of mutual TLS or not yet. */
  int open() {
    return doors.size();
  }

  @Override
  public Attributes transportReady(Attributes attributes) {
    SocketAddress from = attributes.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    Door door = from == null ? null : doors.get(from);
    String party = party(attributes.get(Grpc.TRANSPORT_ATTR_SSL_SESSION));
    if (door != null && party != null) door.admit(party);
    return attributes;
  }

  /** Fingerprint of the certificate that the other side showed. */
  static @Nullable String party(@Nullable SSLSession session) {
    X509Certificate certificate = certificate(session);
    return certificate == null ? null : Kit.fingerprint(certificate);
  }

  static @Nullable X509Certificate certificate(@Nullable SSLSession session) {
    try {
      return session != null && session.getPeerCertificates()[0] instanceof X509Certificate c
          ? c
          : null;
    } catch (SSLPeerUnverifiedException e) {
      return null;
    }
  }

  /** First in the line of what a connection's bytes go through. */
  private final class Door extends ChannelInboundHandlerAdapter {
    private volatile @Nullable ChannelHandlerContext context;
    private volatile @Nullable String party;
    private volatile @Nullable String reason;
    private boolean counted;
    private boolean watched;
    private long bytes;

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
      context = ctx;
      doors.put(ctx.channel().remoteAddress(), this);
      counted = true;
      int young = handshaking.incrementAndGet();
      if (doors.size() > limits.connections())
        close("there are " + limits.connections() + " connections already");
      else if (young > limits.handshakes())
        close("there are " + limits.handshakes() + " connections already that show no certificate");
      else ctx.fireChannelActive();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      if (bytes == 0 && message instanceof ByteBuf b && b.isReadable()) {
        int first = b.getUnsignedByte(b.readerIndex());
        if (first != TLS_HANDSHAKE)
          reason = String.format(Locale.ROOT, "speaks no TLS: its first byte is 0x%02x", first);
      }
      if (message instanceof ByteBuf b) bytes += b.readableBytes();
      SslHandler tls = watched ? null : ctx.pipeline().get(SslHandler.class);
      if (tls != null) {
        watched = true;
        tls.handshakeFuture()
            .addListener(f -> {
              if (f.cause() != null && reason == null) reason = "TLS: " + Trust.why(f.cause());
            });
      }
      ctx.fireChannelRead(message);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      if (counted) {
        doors.remove(ctx.channel().remoteAddress(), this);
        String was = party;
        if (was == null) {
          handshaking.decrementAndGet();
          String why = reason;
          log.turnedAway(
              String.valueOf(ctx.channel().remoteAddress()),
              why != null
                  ? why
                  : "ended or timed out before it was one of mutual TLS; sent " + bytes + " bytes");
        } else {
          leave(was);
          String why = reason;
          Guests.Guest guest = guests.of(was);
          if (why != null)
            log.turnedAway(
                guest == null ? "-" : guest.name,
                String.valueOf(ctx.channel().remoteAddress()),
                why);
        }
      }
      ctx.fireChannelInactive();
    }

    void admit(String fingerprint) {
      party = fingerprint;
      handshaking.decrementAndGet();
      Door oldest = null;
      synchronized (byParty) {
        Deque<Door> all = byParty.computeIfAbsent(fingerprint, f -> new ArrayDeque<>());
        all.add(this);
        if (all.size() > limits.connectionsPerClient()) oldest = all.removeFirst();
      }
      if (oldest != null) oldest.close("the same party opened a newer one");
    }

    private void leave(String fingerprint) {
      synchronized (byParty) {
        Deque<Door> all = byParty.get(fingerprint);
        if (all == null) return;
        all.remove(this);
        if (all.isEmpty()) byParty.remove(fingerprint);
      }
    }

    void close(String why) {
      if (reason == null) reason = why;
      ChannelHandlerContext c = context;
      if (c == null) return;
      var _ = c.close();
    }
  }
}
