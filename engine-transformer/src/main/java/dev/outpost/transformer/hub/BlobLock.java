package dev.outpost.transformer.hub;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;

/**
 * The right to fetch one blob: held by one thread of one process at a time, given up by the
 * operating system when the process ends, however it ends.
 */
final class BlobLock implements AutoCloseable {
  // A file's lock is the whole JVM's, and on some systems ends with the first channel that closes:
  // threads of one JVM agree among themselves first. Two blobs may share one of these; no harm.
  private static final ReentrantLock[] THREADS =
      IntStream.range(0, 64).mapToObj(i -> new ReentrantLock()).toArray(ReentrantLock[]::new);

  private final ReentrantLock threads;
  private final FileChannel channel;

  private BlobLock(ReentrantLock threads, FileChannel channel) {
    this.threads = threads;
    this.channel = channel;
  }

  /** Waits for the lock. */
  static BlobLock take(Path file, PullProgress progress) throws IOException {
    ReentrantLock threads =
        THREADS[Math.floorMod(file.toAbsolutePath().hashCode(), THREADS.length)];
    try {
      threads.lockInterruptibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException(file + ": interrupted while waiting for the lock");
    }
    try {
      return new BlobLock(threads, locked(file, progress));
    } catch (IOException | RuntimeException e) {
      threads.unlock();
      throw e;
    }
  }

  private static FileChannel locked(Path file, PullProgress progress) throws IOException {
    Files.createDirectories(file.toAbsolutePath().getParent());
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      FileLock lock = channel.tryLock();
      if (lock == null) {
        progress.waiting("another process fetches " + file.getFileName() + "; waiting for it");
        channel.lock();
      }
      return channel;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  @Override
  public void close() throws IOException {
    try {
      channel.close();
    } finally {
      threads.unlock();
    }
  }
}
