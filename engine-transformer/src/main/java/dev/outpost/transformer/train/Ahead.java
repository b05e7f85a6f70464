package dev.outpost.transformer.train;

import java.util.Arrays;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Batches as they are asked for, the next one made on a thread of its own while the present one is
 * computed with on a device. Which examples it holds is known beforehand, so the numbers are the
 * same. Its errors come when it is asked for. Not thread-safe.
 */
final class Ahead {
  /** Of the thread that makes a batch. */
  static final String THREAD = "outpost-next-batch";

  private final Examples examples;
  private final boolean possible;
  private int[] which = {};
  private @Nullable FutureTask<Batch> batch;
  private @Nullable Thread thread;

  /**
   * @param possible whether the processor has time while a batch is computed with; if not, nothing
   *     is made before it is asked for
   */
  Ahead(Examples examples, boolean possible) {
    this.examples = examples;
    this.possible = possible;
  }

  /** These examples: made before, or now. */
  Batch take(int[] wanted) {
    FutureTask<Batch> made = batch;
    batch = null;
    if (made == null || !Arrays.equals(which, wanted)) return examples.batch(wanted);
    return switch (made.state()) {
      case SUCCESS -> made.resultNow();
      case FAILED -> throw failure(made.exceptionNow());
      case RUNNING, CANCELLED -> throw new IllegalStateException("batch: taken while it is made");
    };
  }

  private static RuntimeException failure(Throwable t) {
    if (t instanceof Error e) throw e;
    return t instanceof RuntimeException e ? e : new IllegalStateException(t);
  }

  /** Begins to make these examples, until {@link #await}; none where there are none. */
  void prepare(Supplier<int[]> next) {
    if (!possible) return;
    int[] wanted = next.get();
    if (wanted.length == 0) return;
    which = wanted;
    FutureTask<Batch> task = new FutureTask<>(() -> examples.batch(wanted));
    batch = task;
    thread = Thread.ofPlatform().daemon().name(THREAD).start(task);
  }

  /**
   * Returns when nothing is being made: so nothing runs on after a step, whatever becomes of it.
   */
  void await() {
    Thread t = thread;
    thread = null;
    boolean interrupted = false;
    while (t != null && t.isAlive()) {
      try {
        t.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) Thread.currentThread().interrupt();
  }
}
