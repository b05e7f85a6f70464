package dev.outpost.wire;

import dev.outpost.offsite.federated.AuditChain;
import dev.outpost.offsite.federated.AuditLog;
import dev.outpost.tensor.io.JsonObject;
import io.grpc.ManagedChannel;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.function.Predicate;

/** Kits, a server and clients of one federation on loopback, closed together. */
@SuppressWarnings("try") // What it closes may be interrupted.
final class Stage implements AutoCloseable {
  static final InstantSource CLOCK = InstantSource.system();

  /** Short pauses; bounds on waiting that no healthy machine comes near. */
  static final Limits LIMITS =
      limits(Duration.ofSeconds(60), Duration.ofSeconds(60), Duration.ofSeconds(60));

  final Path folder;
  final Path kits;
  final FakeRounds rounds;
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private AuditLog audit;
  private WireServer server;

  static Limits limits(Duration handshake, Duration stall, Duration giveUp) {
    return new Limits(
        handshake,
        Duration.ofMinutes(5),
        Duration.ofHours(1),
        Duration.ofSeconds(20),
        stall,
        Duration.ofSeconds(30),
        64,
        16,
        4,
        64,
        6,
        1 << 20,
        Duration.ofMillis(4),
        Duration.ofMillis(50),
        giveUp);
  }

  Stage(Path folder) throws IOException {
    this(folder, LIMITS);
  }

  Stage(Path folder, Limits limits) throws IOException {
    this.folder = folder;
    this.kits = folder.resolve("kits");
    this.rounds = new FakeRounds(folder.resolve("rounds"));
    provision(kits, CLOCK.instant());
    start(limits);
  }

  static void provision(Path kits, Instant now) throws IOException {
    Provision.write(
        kits,
        "demo",
        List.of("127.0.0.1", "localhost"),
        0,
        List.of("alice", "bob"),
        Duration.ofDays(2),
        now);
  }

  private void start(Limits limits) throws IOException {
    audit = AuditLog.open(folder.resolve("audit.jsonl"), CLOCK);
    server = WireServer.start(Kit.readServer(kits.resolve("server"), CLOCK), rounds, audit, limits);
  }

  /** Ends the server, as far as its own process sees at once, and starts another. */
  void restart() throws IOException {
    restart(LIMITS);
  }

  void restart(Limits limits) throws IOException {
    server.close();
    audit.close();
    start(limits);
  }

  /** Waits until it is so; the test fails when it never is. */
  static void until(Callable<Boolean> so) throws Exception {
    for (int i = 0; !so.call(); i++) {
      if (i == 3000) throw new AssertionError("it never came to be");
      Thread.sleep(20);
    }
  }

  WireServer server() {
    return server;
  }

  int port() {
    return server.port();
  }

  Kit kit(String client) throws IOException {
    return Kit.readClient(kits.resolve(client), CLOCK).at("127.0.0.1", port());
  }

  WireCoordinator client(String name) throws IOException {
    return client(kit(name), name, LIMITS);
  }

  WireCoordinator client(Kit kit, String folderName, Limits limits) throws IOException {
    WireCoordinator c = WireCoordinator.open(kit, folder.resolve("client-" + folderName), limits);
    open.push(c);
    return c;
  }

  /** A connection with a kit's certificate, for messages made by hand. */
  ManagedChannel channel(Kit kit) throws IOException {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", port())
            .sslContext(
                GrpcSslContexts.configure(
                        SslContextBuilder.forClient()
                            .keyManager(kit.key(), kit.certificate())
                            .trustManager(kit.authority()),
                        SslProvider.JDK)
                    .protocols("TLSv1.3")
                    .build())
            .build();
    open.push(channel::shutdownNow);
    return channel;
  }

  <T extends AutoCloseable> T closing(T what) {
    open.push(what);
    return what;
  }

  /** Lines of the audit log, its chain verified. */
  List<JsonObject> audit() throws IOException {
    Path file = folder.resolve("audit.jsonl");
    AuditChain.verify(file);
    List<JsonObject> lines = new ArrayList<>();
    for (String line : Files.readAllLines(file)) lines.add(JsonObject.parse("audit", line));
    return lines;
  }

  /** Waits until the log holds a line; the test fails when it never comes. */
  JsonObject logged(Predicate<JsonObject> which) throws IOException, InterruptedException {
    for (int i = 0; i < 3000; i++) {
      for (JsonObject line : audit()) if (which.test(line)) return line;
      Thread.sleep(20);
    }
    throw new AssertionError("never logged; the log: " + audit());
  }

  /** Waits for a refusal whose reason contains this. */
  JsonObject refused(String reason) throws IOException, InterruptedException {
    return logged(l ->
        (l.value("event").equals("refused") || l.value("event").equals("turned-away"))
            && String.valueOf(l.value("reason")).contains(reason));
  }

  static byte[] random(int bytes, long seed) {
    byte[] content = new byte[bytes];
    new Random(seed).nextBytes(content);
    return content;
  }

  @Override
  public void close() throws Exception {
    while (!open.isEmpty()) open.pop().close();
    server.close();
    audit.close();
  }
}
