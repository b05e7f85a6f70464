package dev.outpost.transformer.hub;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.http.HttpTimeoutException;
import java.nio.file.FileSystemException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import javax.net.ssl.SSLHandshakeException;

/**
 * How long to wait for a network, and how often to try again.
 *
 * @param attempts without any progress between them
 * @param first pause, doubled each time
 * @param longest pause, also where a server asks for more
 * @param stall a connection that brings nothing for so long is given up
 * @param clock what pauses
 */
record Patience(int attempts, Duration first, Duration longest, Duration stall, Clock clock) {
  static final Patience USUAL =
      new Patience(
          6, Duration.ofMillis(500), Duration.ofSeconds(60), Duration.ofSeconds(60), Thread::sleep);

  /** Pauses the current thread. */
  @FunctionalInterface
  interface Clock {
    void sleep(Duration pause) throws InterruptedException;
  }

  /** Something that may fail for a while. */
  @FunctionalInterface
  interface Attempt<T> {
    T run() throws IOException;
  }

  /** The server said: later. */
  static final class BusyException extends IOException {
    private static final long serialVersionUID = 1L;
    private final transient Optional<Duration> after;

    BusyException(String message, Optional<Duration> after) {
      super(message);
      this.after = after;
    }
  }

  /** A file here could not be written: nothing that a network's second try would cure. */
  static final class LocalException extends IOException {
    private static final long serialVersionUID = 1L;

    LocalException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** Tries until it succeeds, fails for good, or patience ends. */
  <T> T retrying(PullProgress progress, Attempt<T> attempt) throws IOException {
    return retrying(progress, () -> 0, attempt);
  }

  /**
   * The same, where attempts that got on do not count.
   *
   * @param gained how far attempts have got
   */
  <T> T retrying(PullProgress progress, LongSupplier gained, Attempt<T> attempt)
      throws IOException {
    long best = gained.getAsLong();
    for (int n = 1; ; n++) {
      try {
        return attempt.run();
      } catch (IOException e) {
        if (!passing(e)) throw e;
        if (gained.getAsLong() > best) n = 1;
        best = Math.max(best, gained.getAsLong());
        if (n >= attempts)
          throw new IOException(e.getMessage() + "; given up after " + n + " attempts", e);
        pause(n, e, progress);
      }
    }
  }

  /** Whether a failure may pass by itself. */
  static boolean passing(IOException e) {
    return switch (e) {
      case HubException h -> false;
      case LocalException l -> false;
      case HttpTimeoutException t -> true;
      case InterruptedIOException i -> false;
      case FileSystemException f -> false;
      case FormatException f -> false;
      case SSLHandshakeException s -> false;
      default -> true;
    };
  }

  /** Waits before attempt {@code n + 1}. */
  void pause(int n, IOException reason, PullProgress progress) throws IOException {
    Duration pause = first.multipliedBy(1L << Math.min(n - 1, 20));
    if (reason instanceof BusyException b && b.after.isPresent()) pause = b.after.get();
    if (pause.compareTo(longest) > 0) pause = longest;
    // A little apart, so that many who failed together do not return together.
    pause = pause.plusMillis(ThreadLocalRandom.current().nextLong(pause.toMillis() / 4 + 1));
    progress.waiting(
        reason.getMessage() + "; trying again in " + (pause.toMillis() + 999) / 1000 + " s");
    try {
      clock.sleep(pause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while waiting to try again");
    }
  }
}
