package dev.outpost.tensor.kernel;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A fixed group of threads that runs numbered tasks. Which thread runs a task is left open, so a
 * task must own what it writes; then results do not depend on the number of threads. The caller
 * works too: a team of one starts no thread.
 */
public final class Team implements AutoCloseable {
  private static final int SPINS = 20_000;

  private final int threads;
  private final Worker[] workers;

  private Team(int threads) {
    this.threads = threads;
    this.workers = new Worker[threads - 1];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker(i + 1);
      Thread t = new Thread(workers[i], "outpost-kernel-" + (i + 1));
      t.setDaemon(true);
      workers[i].thread = t;
      t.start();
    }
  }

  /** A team of this many threads, the caller included. */
  public static Team of(int threads) {
    if (threads < 1)
      throw new IllegalArgumentException("team: threads must be at least 1, got " + threads);
    return new Team(threads);
  }

  /** One thread per available processor. */
  public static Team ofAllProcessors() {
    return of(Runtime.getRuntime().availableProcessors());
  }

  /** Number of threads, the caller's included. */
  public int threads() {
    return threads;
  }

  /**
   * Runs {@code body} for 0 … tasks−1 and returns when all are done; the first failure is rethrown
   * here. Not re-entrant: one caller at a time.
   */
  public void forEach(int tasks, IntConsumer body) {
    run(tasks, false, body);
  }

  /**
   * As {@link #forEach}, but each thread begins with a share of neighbouring tasks that is its own
   * from call to call, so that it finds what it wrote last time in its core's caches. Who is done
   * helps the others.
   */
  public void forEachNear(int tasks, IntConsumer body) {
    run(tasks, true, body);
  }

  private synchronized void run(int tasks, boolean near, IntConsumer body) {
    int helpers = Math.min(workers.length, tasks - 1);
    if (helpers <= 0) {
      for (int i = 0; i < tasks; i++) body.accept(i);
      return;
    }
    Job job = new Job(tasks, near ? helpers + 1 : 1, body);
    for (int i = 0; i < helpers; i++) workers[i].give(job);
    job.work(0);
    job.join();
  }

  @Override
  public void close() {
    for (Worker w : workers) w.stop();
  }

  /**
   * Done when every task is, not when every helper is: one that wakes late finds nothing left, and
   * nobody has waited for it.
   */
  private static final class Job {
    /** A cache line: threads that count their own shares do not slow each other. */
    static final int APART = 16;

    final int tasks;
    final int shares;
    final IntConsumer body;
    final Thread caller = Thread.currentThread();

    /** The first task of each share that nobody has taken. */
    final AtomicIntegerArray next;

    final AtomicInteger remaining;
    final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    Job(int tasks, int shares, IntConsumer body) {
      this.tasks = tasks;
      this.shares = shares;
      this.body = body;
      this.next = new AtomicIntegerArray(shares * APART);
      for (int i = 0; i < shares; i++) next.setPlain(i * APART, start(i));
      this.remaining = new AtomicInteger(tasks);
    }

    private int start(int share) {
      return (int) ((long) tasks * share / shares);
    }

    /** Works on the share of this thread's number, then on the others'. */
    void work(int thread) {
      for (int i = 0; i < shares; i++) workOn((thread + i) % shares);
    }

    private void workOn(int share) {
      int end = start(share + 1);
      int at = share * APART;
      for (int i = next.getAndIncrement(at); i < end; i = next.getAndIncrement(at)) {
        try {
          if (failure.get() == null) body.accept(i);
        } catch (Throwable t) {
          failure.compareAndSet(null, t);
        }
        if (remaining.decrementAndGet() == 0 && Thread.currentThread() != caller)
          LockSupport.unpark(caller);
      }
    }

    void join() {
      // Kernels last micro- to milliseconds: spinning first is cheaper than parking.
      for (int spin = 0; spin < SPINS && remaining.get() > 0; spin++) Thread.onSpinWait();
      boolean interrupted = false;
      while (remaining.get() > 0) {
        LockSupport.park(this);
        interrupted |= Thread.interrupted();
      }
      if (interrupted) Thread.currentThread().interrupt();
      Throwable t = failure.get();
      if (t instanceof RuntimeException e) throw e;
      if (t instanceof Error e) throw e;
    }
  }

  private static final class Worker implements Runnable {
    private final AtomicReference<@Nullable Job> inbox = new AtomicReference<>();
    private final int number;
    private volatile boolean stopped;
    private @Nullable Thread thread;

    Worker(int number) {
      this.number = number;
    }

    void give(Job job) {
      inbox.set(job);
      LockSupport.unpark(thread);
    }

    void stop() {
      stopped = true;
      LockSupport.unpark(thread);
    }

    @Override
    public void run() {
      int idle = 0;
      while (!stopped) {
        Job job = inbox.getAndSet(null);
        if (job != null) {
          job.work(number);
          idle = 0;
        } else if (++idle < SPINS) {
          Thread.onSpinWait();
        } else {
          LockSupport.park(this);
        }
      }
    }
  }
}
