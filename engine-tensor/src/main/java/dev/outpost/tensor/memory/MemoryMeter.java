package dev.outpost.tensor.memory;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts the bytes a component holds: live now, and the most that was ever live. Safe to read from
 * another thread.
 */
public final class MemoryMeter {
  private final AtomicLong live = new AtomicLong();
  private final AtomicLong peak = new AtomicLong();
  private final AtomicLong allocated = new AtomicLong();

  /** Bytes taken from the heap. */
  public void allocated(long bytes) {
    allocated.addAndGet(bytes);
  }

  /** Bytes handed to a user. */
  public void taken(long bytes) {
    long now = live.addAndGet(bytes);
    peak.accumulateAndGet(now, Math::max);
  }

  /** Bytes handed back. */
  public void released(long bytes) {
    live.addAndGet(-bytes);
  }

  /** Bytes in use. */
  public long liveBytes() {
    return live.get();
  }

  /** The most bytes that were in use at one time. */
  public long peakBytes() {
    return peak.get();
  }

  /** Bytes ever taken from the heap: constant once a loop has reached its steady state. */
  public long allocatedBytes() {
    return allocated.get();
  }
}
