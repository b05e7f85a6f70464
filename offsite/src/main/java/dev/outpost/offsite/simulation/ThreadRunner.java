package dev.outpost.offsite.simulation;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Clients on the threads of this program, each thread with a model of its own. */
final class ThreadRunner implements ClientRunner {
  static final String NAME = "threads";
  static final Maker MAKER =
      new Maker() {
        @Override
        public String name() {
          return NAME;
        }

        @Override
        public ClientRunner make(Setting setting, int parallel) throws IOException {
          return new ThreadRunner(setting, parallel);
        }
      };

  private final ExecutorService pool;
  private final List<Team> teams = new ArrayList<>();
  private final BlockingQueue<ClientTask> free;
  private final List<ClientTask> all = new ArrayList<>();

  ThreadRunner(Setting setting, int threads) throws IOException {
    free = new ArrayBlockingQueue<>(threads);
    pool = Executors.newFixedThreadPool(threads);
    for (int i = 0; i < threads; i++) {
      Team team = Team.of(1);
      teams.add(team);
      all.add(new ClientTask(setting, Kernels.best(team)));
    }
    free.addAll(all);
  }

  @Override
  public List<ClientResult> run(Start start, List<ClientWork> work) throws IOException {
    List<Future<ClientResult>> futures = new ArrayList<>();
    for (ClientWork w : work)
      futures.add(
          pool.submit(() -> {
            ClientTask task = free.take();
            try {
              return task.run(start, w);
            } finally {
              free.add(task);
            }
          }));
    List<ClientResult> results = new ArrayList<>();
    try {
      for (Future<ClientResult> f : futures) results.add(f.get());
    } catch (InterruptedException e) {
      futures.forEach(f -> f.cancel(true));
      Thread.currentThread().interrupt();
      throw new IOException("simulation: interrupted in round " + start.round(), e);
    } catch (ExecutionException e) {
      futures.forEach(f -> f.cancel(true));
      switch (e.getCause()) {
        case IOException io -> throw io;
        case RuntimeException r -> throw r;
        case Error error -> throw error;
        case null, default -> throw new IOException("simulation: a client failed", e);
      }
    }
    return results;
  }

  @Override
  public String describe() {
    return all.size() + (all.size() == 1 ? " thread" : " threads");
  }

  @Override
  public void close() {
    pool.shutdownNow();
    pool.close();
    all.forEach(ClientTask::close);
    teams.forEach(Team::close);
  }
}
