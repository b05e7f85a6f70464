package dev.outpost.wire;

import dev.outpost.offsite.federated.Blob;
import dev.outpost.offsite.federated.Receipt;
import dev.outpost.tensor.io.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/**
 * How fast a file goes each way on loopback, with TLS, digests of every chunk and of the whole, and
 * both ends' disks: a line of JSON per transfer. The first of each kind warms up.
 */
@SuppressWarnings("try") // What a stage closes may be interrupted.
final class Throughput {
  private static final int MEBIBYTES = 128;
  private static final int TIMES = 5;

  private Throughput() {}

  public static void main(String[] arguments) throws Exception {
    Path folder = Files.createTempDirectory("throughput");
    try (Stage stage = new Stage(folder);
        WireCoordinator alice = stage.client("alice")) {
      stage.rounds.largest = 1L << 30;
      for (int i = 0; i < TIMES; i++) {
        Blob blob = stage.rounds.offer(Stage.random(MEBIBYTES << 20, i));
        Path here = folder.resolve("fetched");
        Files.deleteIfExists(here);
        long start = System.nanoTime();
        alice.fetch(blob, here);
        tell("fetch", i, System.nanoTime() - start);
        Path update = folder.resolve("update");
        Files.write(update, Stage.random(MEBIBYTES << 20, 100 + i));
        start = System.nanoTime();
        Receipt receipt = alice.submit(update);
        tell("submit", i, System.nanoTime() - start);
        if (!receipt.equals(Receipt.ACCEPTED)) throw new IllegalStateException(receipt.toString());
      }
    } finally {
      try (Stream<Path> all = Files.walk(folder)) {
        for (Path p : all.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
      }
    }
  }

  private static void tell(String what, int run, long nanos) {
    System.out.println(
        JsonObject.create()
            .put("bench", "wire")
            .put("transfer", what)
            .put("mebibytes", MEBIBYTES)
            .put("run", run)
            .put("mib_per_s", Math.round(MEBIBYTES * 1e9 / nanos))
            .put("java", System.getProperty("java.version"))
            .toLine());
  }
}
