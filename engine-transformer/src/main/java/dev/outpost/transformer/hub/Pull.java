package dev.outpost.transformer.hub;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * Fetches a model from a hub into the cache. What is there already stays; what was begun goes on
 * where it ended, also after the process was killed; every file is checked against the hub's own
 * checksum before it takes its name. Several processes may pull one model: each file is fetched
 * once.
 */
public final class Pull {
  private static final int AT_ONCE = 4;

  private final HubSettings settings;
  private final HubCache cache;
  private final Patience patience;

  private Pull(HubSettings settings, Patience patience) {
    this.settings = settings;
    this.cache = HubCache.of(settings);
    this.patience = patience;
  }

  /** Pulls with these settings. */
  public static Pull of(HubSettings settings) {
    return new Pull(settings, Patience.USUAL);
  }

  static Pull of(HubSettings settings, Patience patience) {
    return new Pull(settings, patience);
  }

  /** A file to come, and where it will lie. */
  private record Wanted(RemoteFile file, Path place) {}

  /**
   * Fetches the wanted files of a model's revision.
   *
   * @throws HubException when the hub refuses, or sends what it did not promise
   * @throws IOException when network or disk fail for longer than patience lasts; what came is kept
   */
  public Pulled run(HubModel model, FilePatterns patterns, PullProgress progress)
      throws IOException {
    PullProgress heard = new OneAtATime(progress);
    if (settings.offline()) return present(model);
    try (HubClient client = new HubClient(settings, patience)) {
      HubClient.Listing listing = patience.retrying(heard, () -> client.listing(model));
      List<HubClient.Listing.Entry> chosen = chosen(model, listing, patterns);
      Path snapshot = cache.snapshot(model, listing.commit());
      List<RemoteFile> files =
          each(
              chosen, e -> patience.retrying(heard, () -> client.head(model, listing.commit(), e)));
      List<Wanted> missing = new ArrayList<>();
      for (RemoteFile f : files) {
        Path place = snapshot.resolve(f.name());
        if (!Files.isRegularFile(place) || Files.size(place) != f.size())
          missing.add(new Wanted(f, place));
      }
      long bytes = files.stream().mapToLong(RemoteFile::size).sum();
      long lacking = lacking(model, missing);
      heard.planned(files.size(), bytes, bytes - lacking);
      requireRoom(lacking);
      AtomicLong fetched = new AtomicLong();
      each(
          missing,
          w -> {
            fetch(client, model, listing.commit(), w, heard, fetched);
            heard.completed(w.file().name());
            return w;
          });
      Files.createDirectories(snapshot);
      cache.refer(model, listing.commit());
      return new Pulled(snapshot, listing.commit(), files.size(), bytes, fetched.get());
    }
  }

  private Pulled present(HubModel model) throws IOException {
    Path folder =
        cache
            .find(model)
            .orElseThrow(() ->
                new HubException(
                    model + ": is not in " + cache.root() + ", and the network is switched off"));
    List<Path> files;
    try (Stream<Path> all = Files.walk(folder)) {
      files = all.filter(Files::isRegularFile).toList();
    }
    long bytes = 0;
    for (Path f : files) bytes += Files.size(f);
    return new Pulled(folder, folder.getFileName().toString(), files.size(), bytes, 0);
  }

  private static List<HubClient.Listing.Entry> chosen(
      HubModel model, HubClient.Listing listing, FilePatterns patterns) throws HubException {
    List<HubClient.Listing.Entry> chosen =
        listing.files().stream().filter(e -> patterns.accept(e.name())).toList();
    List<String> names = chosen.stream().map(HubClient.Listing.Entry::name).toList();
    RemoteName.check(model.toString(), names);
    boolean weights = names.stream().anyMatch(n -> n.matches(".*\\.(?:safetensors|gguf)"));
    if (names.isEmpty() || (patterns.equals(FilePatterns.DEFAULT) && !weights))
      throw new HubException(
          model
              + ": holds "
              + (names.isEmpty() ? "nothing that is wanted" : "no weights as safetensors")
              + "; choose with --include among "
              + listing.files().stream().limit(40).map(e -> RemoteName.shown(e.name())).toList());
    return chosen;
  }

  /** Bytes that must still come. */
  private long lacking(HubModel model, List<Wanted> missing) throws IOException {
    long bytes = 0;
    Set<String> counted = new HashSet<>();
    for (Wanted w : missing) {
      RemoteFile f = w.file();
      Path part = cache.incomplete(model, f.etag());
      if (!counted.add(f.etag()) || Files.exists(cache.blob(model, f.etag()))) continue;
      bytes += f.size() - (Files.exists(part) ? Math.min(f.size(), Files.size(part)) : 0);
    }
    return bytes;
  }

  private void requireRoom(long bytes) throws IOException {
    if (bytes == 0) return;
    Files.createDirectories(cache.root());
    FileStore store = Files.getFileStore(cache.root());
    // Some network file systems report 0 of 0 bytes: then only writing will tell.
    if (store.getTotalSpace() > 0 && store.getUsableSpace() < bytes)
      throw new IOException(
          cache.root()
              + ": the disk is full: "
              + bytes
              + " bytes are needed, "
              + store.getUsableSpace()
              + " are free; make room, or set HF_HUB_CACHE to another folder");
  }

  private void fetch(
      HubClient client,
      HubModel model,
      String commit,
      Wanted wanted,
      PullProgress progress,
      AtomicLong fetched)
      throws IOException {
    RemoteFile file = wanted.file();
    Path blob = cache.blob(model, file.etag());
    try (BlobLock _ = BlobLock.take(cache.lock(model, file.etag()), progress)) {
      boolean here = Files.isRegularFile(blob) && Files.size(blob) == file.size();
      // Another process may have brought it while this one waited.
      if (!here) download(client, model, commit, file, progress, fetched);
      else if (Files.isRegularFile(wanted.place())) return;
      cache.place(blob, wanted.place(), !here);
    }
  }

  private void download(
      HubClient client,
      HubModel model,
      String commit,
      RemoteFile file,
      PullProgress progress,
      AtomicLong fetched)
      throws IOException {
    Path path = cache.incomplete(model, file.etag());
    Files.createDirectories(path.getParent());
    try (BlobPart part =
        BlobPart.open(
            path,
            file,
            n -> {
              fetched.addAndGet(Math.max(0, n));
              progress.received(n);
            })) {
      complete(client, model, commit, file, part, progress);
      for (int tries = 1; !sound(file, path); tries++) {
        part.restart();
        if (tries == 2)
          throw new HubException(
              file.name()
                  + ": what came is not what the hub names by the checksum "
                  + file.etag()
                  + ", twice; it was discarded. Look at what lies between here and the hub, such as"
                  + " a proxy, and run the same command again");
        progress.waiting(file.name() + ": its checksum is wrong; fetching it once more");
        complete(client, model, commit, file, part, progress);
      }
      part.force();
    }
    Files.move(path, cache.blob(model, file.etag()), StandardCopyOption.ATOMIC_MOVE);
  }

  private void complete(
      HubClient client,
      HubModel model,
      String commit,
      RemoteFile file,
      BlobPart part,
      PullProgress progress)
      throws IOException {
    patience.retrying(
        progress,
        part::length,
        () -> {
          if (part.length() < file.size()) client.fetch(model, commit, file, part);
          if (part.length() < file.size())
            throw new IOException(
                file.name() + ": ended early, at byte " + part.length() + " of " + file.size());
          return part;
        });
  }

  private static boolean sound(RemoteFile file, Path path) throws IOException {
    return file.checksum().isEmpty() || file.checksum().get().matches(path);
  }

  /** What is done with one of several. */
  @FunctionalInterface
  private interface Task<A, B> {
    B of(A one) throws IOException;
  }

  /** Does all, a few at once, in order; the first failure ends the others and is thrown. */
  private static <A, B> List<B> each(List<A> all, Task<A, B> task) throws IOException {
    ExecutorService threads =
        Executors.newFixedThreadPool(
            AT_ONCE, Thread.ofPlatform().daemon().name("outpost-pull-", 0).factory());
    try {
      CompletionService<B> running = new ExecutorCompletionService<>(threads);
      List<Future<B>> results = new ArrayList<>();
      for (A one : all) results.add(running.submit((Callable<B>) () -> task.of(one)));
      for (int i = 0; i < all.size(); i++) running.take().get();
      List<B> done = new ArrayList<>();
      for (Future<B> r : results) done.add(r.resultNow());
      return done;
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException io -> throw io;
        case RuntimeException r -> throw r;
        case Error error -> throw error;
        case null, default -> throw new IllegalStateException(e);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException(
          "pull: interrupted; what came is kept, and the same command goes on");
    } finally {
      threads.shutdownNow();
      awaitEnd(threads);
    }
  }

  /** Threads let go of their files and locks before anybody tries again. */
  private static void awaitEnd(ExecutorService threads) {
    boolean interrupted = false;
    while (true) {
      try {
        if (threads.awaitTermination(1, TimeUnit.SECONDS)) break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) Thread.currentThread().interrupt();
  }

  /** Calls of several threads, one after another. */
  private record OneAtATime(PullProgress progress) implements PullProgress {
    @Override
    public synchronized void planned(int files, long bytes, long present) {
      progress.planned(files, bytes, present);
    }

    @Override
    public synchronized void received(long bytes) {
      progress.received(bytes);
    }

    @Override
    public synchronized void completed(String file) {
      progress.completed(file);
    }

    @Override
    public synchronized void waiting(String reason) {
      progress.waiting(reason);
    }
  }
}
