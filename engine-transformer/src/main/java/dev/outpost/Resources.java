package dev.outpost;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.OpenDevice;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.transformer.load.ModelFolder;
import java.io.IOException;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Files, threads and the device that several models share: one that was loaded, and those tuned
 * from it. The last one that closes gives them back, after the calls that are under way.
 */
final class Resources {
  private final ModelFolder folder;
  private final Team team;
  private final @Nullable OpenDevice device;
  private final Kernels kernels;
  private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();
  private int owners = 1;

  /**
   * @param device computes in place of the team's threads, if given
   */
  Resources(ModelFolder folder, Team team, Kernels host, @Nullable OpenDevice device) {
    this.folder = folder;
    this.team = team;
    this.device = device;
    this.kernels = device == null ? host : device.kernels();
  }

  /**
   * With what the caller chose to compute on.
   *
   * @throws dev.outpost.tensor.kernel.DeviceException when that is not there
   */
  static Resources of(ModelFolder folder, Team team, Compute compute) {
    Kernels host = Kernels.best(team);
    return new Resources(folder, team, host, compute.open(host).orElse(null));
  }

  ModelFolder folder() {
    return folder;
  }

  Kernels kernels() {
    return kernels;
  }

  synchronized Resources share() {
    owners++;
    return this;
  }

  /** Does something that reads the files, which stay open meanwhile. */
  <T> T using(Supplier<T> work) {
    use.readLock().lock();
    try {
      return work.get();
    } finally {
      use.readLock().unlock();
    }
  }

  /** One owner less. */
  void release() throws IOException {
    if (use.getReadHoldCount() > 0)
      throw new IllegalStateException("model: cannot be closed within a call to it");
    synchronized (this) {
      if (--owners > 0) return;
    }
    use.writeLock().lock();
    try (team;
        device) {
      folder.close();
    } finally {
      use.writeLock().unlock();
    }
  }
}
