package dev.outpost.offsite.app;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Ctrl-C, made gentle: the running step ends, what is worth keeping is saved, then the process goes. A second Ctrl-C is the system's own. */
final class Interruption {
  private static final int PATIENCE_SECONDS = 60;

  private final CountDownLatch finished = new CountDownLatch(1);
  private volatile boolean requested;

  /** Starts listening. */
  static Interruption install() {
    Interruption i = new Interruption();
    Runtime.getRuntime().addShutdownHook(new Thread(i::stop, "outpost-interruption"));
    return i;
  }

  private void stop() {
    requested = true;
    try {
      if (!finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) Thread.currentThread().interrupt();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Whether the user asked to stop. */
  boolean requested() {
    return requested;
  }

  /** Tells that nothing is left to save. */
  void finished() {
    finished.countDown();
  }
}
