package dev.outpost;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.transformer.load.ModelFolder;
import java.io.IOException;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * Files and threads that several models share: one that was loaded, and those tuned from it. The
 * last one that closes gives them back, after the calls that are under way.
 */
final class Resources {
  private final ModelFolder folder;
  private final Team team;
  private final Kernels kernels;
  private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();
  private int owners = 1;

  Resources(ModelFolder folder, Team team) {
    this.folder = folder;
    this.team = team;
    this.kernels = Kernels.best(team);
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
    try {
      folder.close();
      team.close();
    } finally {
      use.writeLock().unlock();
    }
  }
}
