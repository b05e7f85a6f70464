package dev.outpost.wire;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.net.SocketAddress;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Counts calls, refuses those above a limit before anything of them is read, and finds those in
 * which the client neither sends nor takes anything for too long: their connection is cut.
 */
final class Calls implements ServerInterceptor {
  /** The certificate that the calling side showed. */
  static final Context.Key<X509Certificate> CERTIFICATE = Context.key("certificate");

  private final Limits limits;
  private final Logbook log;
  private final Doorkeeper doorkeeper;
  private final Guests guests;
  private final LongSupplier nanos;
  private final AtomicInteger all = new AtomicInteger();
  private final Map<String, Integer> byParty = new ConcurrentHashMap<>();
  private final Set<Underway> underway = ConcurrentHashMap.newKeySet();

  Calls(Limits limits, Logbook log, Doorkeeper doorkeeper, Guests guests, LongSupplier nanos) {
    this.limits = limits;
    this.log = log;
    this.doorkeeper = doorkeeper;
    this.guests = guests;
    this.nanos = nanos;
  }

  /** Cuts the connections of calls that stand still because of their clients. */
  void sweep() {
    long longest = limits.stall().toNanos();
    for (Underway u : List.copyOf(underway))
      if (u.waiting && nanos.getAsLong() - u.since > longest && underway.remove(u)) {
        String reason = "neither sent nor took anything for " + limits.stall().toMillis() + " ms";
        log.refused(u.party, u.call, reason);
        doorkeeper.cut(u.from, "a call of it " + reason);
      }
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    X509Certificate certificate =
        Doorkeeper.certificate(call.getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION));
    String method = String.valueOf(call.getMethodDescriptor().getBareMethodName());
    if (certificate == null)
      return refuse(call, "-", method, Status.UNAUTHENTICATED, "no certificate was shown");
    String fingerprint = Kit.fingerprint(certificate);
    Guests.Guest guest = guests.of(fingerprint);
    String party = guest == null ? "-" : guest.name;
    if (all.incrementAndGet() > limits.calls()) {
      all.decrementAndGet();
      return refuse(
          call,
          party,
          method,
          Status.RESOURCE_EXHAUSTED,
          "the server has " + limits.calls() + " calls already");
    }
    if (byParty.merge(fingerprint, 1, Integer::sum) > limits.callsPerClient()) {
      release(fingerprint);
      return refuse(
          call,
          party,
          method,
          Status.RESOURCE_EXHAUSTED,
          "the client has " + limits.callsPerClient() + " calls already");
    }
    SocketAddress from = call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    Underway u = new Underway(party, method, from);
    u.since = nanos.getAsLong();
    underway.add(u);
    ServerCall.Listener<Q> listener =
        Contexts.interceptCall(
            Context.current().withValue(CERTIFICATE, certificate),
            new SimpleForwardingServerCall<>(call) {
              @Override
              public void sendMessage(A message) {
                super.sendMessage(message);
                u.touch(u.asked && !isReady());
              }
            },
            headers,
            next);
    return new SimpleForwardingServerCallListener<>(listener) {
      @Override
      public void onMessage(Q message) {
        u.touch(false);
        super.onMessage(message);
        u.touch(!u.asked);
      }

      @Override
      public void onHalfClose() {
        u.asked = true;
        u.touch(false);
        super.onHalfClose();
      }

      @Override
      public void onReady() {
        if (u.asked) u.touch(false);
        super.onReady();
      }

      @Override
      public void onCancel() {
        if (!u.asked) log.broken(party, method);
        try {
          super.onCancel();
        } finally {
          end();
        }
      }

      @Override
      public void onComplete() {
        try {
          super.onComplete();
        } finally {
          end();
        }
      }

      private void end() {
        underway.remove(u);
        release(fingerprint);
      }
    };
  }

  private void release(String fingerprint) {
    all.decrementAndGet();
    byParty.computeIfPresent(fingerprint, (f, n) -> n == 1 ? null : n - 1);
  }

  private <Q> ServerCall.Listener<Q> refuse(
      ServerCall<Q, ?> call, String party, String method, Status status, String reason) {
    log.refused(party, method, reason);
    call.close(status.withDescription(reason), new Metadata());
    return new ServerCall.Listener<>() {};
  }

  /** One call; waits for its client until all is asked, and later while nothing can be sent. */
  private final class Underway {
    private final String party;
    private final String call;
    private final @Nullable SocketAddress from;
    private volatile boolean asked;
    private volatile boolean waiting = true;
    private volatile long since;

    Underway(String party, String call, @Nullable SocketAddress from) {
      this.party = party;
      this.call = call;
      this.from = from;
    }

    void touch(boolean waits) {
      since = nanos.getAsLong();
      waiting = waits;
    }
  }
}
