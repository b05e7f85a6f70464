package dev.outpost.wire;

import dev.outpost.offsite.federated.RefusedException;
import dev.outpost.offsite.federated.UnreachableException;
import java.io.IOException;
import java.security.cert.CertificateException;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * How long a client goes on with an owner that cannot be reached: pauses that double up to a bound,
 * each drawn between half of itself and the whole, so that clients who lost the same server do not
 * come back together.
 */
final class Patience {
  private final Limits limits;
  private long since;
  private long best;
  private int failures;

  Patience(Limits limits) {
    this.limits = limits;
  }

  /** So many bytes of a file came over; when more than ever, the next trouble is a new one. */
  void reached(long bytes) {
    if (bytes <= best) return;
    best = bytes;
    failures = 0;
  }

  /**
   * Waits before the next attempt.
   *
   * @throws UnreachableException when nothing got on for too long
   */
  void after(Exception trouble) throws IOException, InterruptedException {
    RefusedException last = lost(trouble);
    if (last != null) throw last;
    if (failures == 0) since = System.nanoTime();
    long pause = pause(failures++, ThreadLocalRandom.current().nextDouble());
    long left = limits.giveUp().toNanos() - (System.nanoTime() - since);
    if (left <= pause * 1_000_000)
      throw new UnreachableException(
          "the owner could not be reached for "
              + limits.giveUp().toMillis() / 1000.0
              + " s: "
              + reason(trouble),
          trouble);
    Thread.sleep(pause);
  }

  /** Milliseconds before attempt n, from 0; u in [0, 1). */
  long pause(int n, double u) {
    double whole =
        Math.min(
            (double) limits.longestPause().toMillis(),
            (double) limits.firstPause().toMillis() * (1L << Math.min(n, 30)));
    return (long) (whole * (0.5 + u / 2));
  }

  /** What no attempt will mend: one side does not trust the other's certificate. */
  private static @Nullable RefusedException lost(Throwable trouble) {
    for (Throwable t = trouble; t != null; t = t.getCause()) {
      if (t instanceof CertificateException)
        return refused("the server that answers is not this kit's: " + t.getMessage(), trouble);
      String message = String.valueOf(t.getMessage());
      if (message.contains("fatal alert: ")
          && message.matches("(?s).*(certificate|unknown_ca|access_denied).*"))
        return refused(
            "the server does not take this kit's certificate ("
                + message
                + "); it is expired, withdrawn or of another federation: ask the owner for a kit",
            trouble);
    }
    return null;
  }

  private static RefusedException refused(String reason, Throwable cause) {
    RefusedException e = new RefusedException(reason);
    e.initCause(cause);
    return e;
  }

  /** The deepest message, which is the most telling; its first line. */
  static String reason(Throwable trouble) {
    String reason = String.valueOf(trouble.getMessage());
    for (Throwable t = trouble; t != null; t = t.getCause())
      if (t.getMessage() != null) reason = t.getMessage();
    return reason.lines().findFirst().orElse(reason);
  }
}
