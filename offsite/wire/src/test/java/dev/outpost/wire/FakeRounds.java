package dev.outpost.wire;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.federated.Answer;
import dev.outpost.offsite.federated.Assignment;
import dev.outpost.offsite.federated.Blob;
import dev.outpost.offsite.federated.LocalPlan;
import dev.outpost.offsite.federated.Receipt;
import dev.outpost.offsite.federated.RefusedException;
import dev.outpost.offsite.federated.SecureReply;
import dev.outpost.transformer.peft.LoraConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Rounds that answer what a test put there, and keep what they are handed. */
final class FakeRounds implements Rounds {
  static final String BASE = "ab".repeat(32);

  final BlockingQueue<Answer> answers = new LinkedBlockingQueue<>();
  final Map<String, Path> objects = new ConcurrentHashMap<>();
  final List<String> taken = new CopyOnWriteArrayList<>();
  final List<SecureReply> spoken = new CopyOnWriteArrayList<>();
  volatile Set<String> clients = Set.of("alice", "bob");
  volatile long largest = 64L << 20;
  volatile String base = BASE;
  private final Path folder;

  FakeRounds(Path folder) throws IOException {
    this.folder = folder;
    Files.createDirectories(incoming());
  }

  static Assignment assignment(String client, int round, Blob global) {
    return new Assignment(
        "demo",
        new BaseFingerprint(BASE),
        round,
        client,
        Map.of("model.safetensors", new Blob("12".repeat(32), 99), "manifest.json", global),
        global,
        round % 2 == 0 ? new Blob("34".repeat(32), 7) : null,
        LoraConfig.of(4),
        new LocalPlan(10, 2, 1e-3f, 0.1f, 0.25f, true),
        -42);
  }

  /** Makes a file that clients may fetch. */
  Blob offer(byte[] content) throws IOException {
    Path file = folder.resolve("object-" + objects.size());
    Files.write(file, content);
    Blob blob = Blob.of(file);
    objects.put(blob.sha256(), file);
    return blob;
  }

  @Override
  public String name() {
    return "demo";
  }

  @Override
  public String base() {
    return base;
  }

  @Override
  public Set<String> clients() {
    return clients;
  }

  @Override
  public Answer next(String client, Duration patience) throws InterruptedException {
    Answer answer = answers.poll(patience.toMillis(), TimeUnit.MILLISECONDS);
    return answer == null ? new Answer.Wait(Duration.ofMillis(5)) : answer;
  }

  @Override
  public Path object(String client, String sha256) throws IOException {
    Path file = objects.get(sha256);
    if (file == null) throw new RefusedException("no file " + sha256 + " for " + client);
    return file;
  }

  @Override
  public long maxUpload(String client) {
    return largest;
  }

  @Override
  public Path incoming() {
    return folder.resolve("incoming");
  }

  @Override
  public Receipt submit(String client, Path file) throws IOException {
    String what = client + " " + Blob.of(file).sha256();
    Files.delete(file);
    if (taken.contains(what)) return new Receipt(Receipt.Verdict.DUPLICATE, "");
    taken.add(what);
    return Receipt.ACCEPTED;
  }

  @Override
  public Receipt speak(String client, SecureReply reply, @Nullable Path numbers)
      throws IOException {
    spoken.add(reply);
    return numbers == null ? Receipt.ACCEPTED : submit(client, numbers);
  }
}
