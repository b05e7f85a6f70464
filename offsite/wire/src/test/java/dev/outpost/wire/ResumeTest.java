package dev.outpost.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.offsite.federated.Blob;
import dev.outpost.offsite.federated.Receipt;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.wire.Tap.Fault;
import dev.outpost.wire.Tap.Plan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Transfers over a wire that is cut, stalls, loses, doubles and changes bytes. */
class ResumeTest {
  private static final int BYTES = 1_800_000;

  @TempDir Path folder;
  private Stage stage;

  @BeforeEach
  void open() throws Exception {
    stage = new Stage(folder);
  }

  @AfterEach
  void close() throws Exception {
    stage.close();
  }

  private Tap tap(Plan... plans) throws IOException {
    return stage.closing(new Tap(stage.port(), plans));
  }

  private WireCoordinator through(Tap tap, Limits limits) throws IOException {
    return stage.client(stage.kit("alice").at("127.0.0.1", tap.port()), "alice", limits);
  }

  private List<Long> logged(String event) throws IOException {
    return stage.audit().stream()
        .filter(l -> l.value("event").equals(event))
        .map(l -> (Long) l.value("from"))
        .toList();
  }

  @Test
  void aFetchGoesOnWhereItWasCut() throws Exception {
    byte[] content = Stage.random(BYTES, 1);
    Blob blob = stage.rounds.offer(content);
    Tap tap = tap(new Plan(false, 700_000, Fault.CUT), new Plan(false, 700_001, Fault.CUT));
    try (WireCoordinator alice = through(tap, Stage.LIMITS)) {
      alice.fetch(blob, folder.resolve("here"));
    }
    assertThat(folder.resolve("here")).hasBinaryContent(content);
    assertThat(tap.struck()).isEqualTo(2);
    List<Long> from = logged("fetch");
    assertThat(from).hasSize(3).isSorted().doesNotHaveDuplicates();
    assertThat(from.getLast()).isGreaterThanOrEqualTo(2L * Limits.CHUNK);
  }

  @Test
  void anUploadGoesOnWhereItWasCut() throws Exception {
    Path update = Files.write(folder.resolve("update"), Stage.random(BYTES, 2));
    Tap tap = tap(new Plan(true, 1_500_000, Fault.CUT));
    try (WireCoordinator alice = through(tap, Stage.LIMITS)) {
      assertThat(alice.submit(update)).isEqualTo(Receipt.ACCEPTED);
    }
    assertThat(tap.struck()).isOne();
    assertThat(stage.rounds.taken).containsExactly("alice " + Blob.of(update).sha256());
    assertThat(stage.rounds.incoming()).isEmptyDirectory();
  }

  @ParameterizedTest
  @EnumSource(names = {"DUPLICATE", "DROP", "FLIP"})
  void bytesThatAreLostDoubledOrChangedHarmNothing(Fault fault) throws Exception {
    byte[] content = Stage.random(BYTES, 3);
    Blob blob = stage.rounds.offer(content);
    Path update = Files.write(folder.resolve("update"), Stage.random(BYTES, 4));
    Tap tap = tap(new Plan(false, 700_000, fault), new Plan(true, 700_000, fault));
    try (WireCoordinator alice = through(tap, Stage.LIMITS)) {
      alice.fetch(blob, folder.resolve("here"));
      assertThat(alice.submit(update)).isEqualTo(Receipt.ACCEPTED);
    }
    assertThat(tap.struck()).isEqualTo(2);
    assertThat(folder.resolve("here")).hasBinaryContent(content);
    assertThat(stage.rounds.taken).hasSize(1);
  }

  @Test
  void aWireThatStallsIsLeft() throws Exception {
    byte[] content = Stage.random(BYTES, 5);
    Blob blob = stage.rounds.offer(content);
    Tap tap = tap(new Plan(false, 100_000, Fault.STALL));
    Duration longest = Duration.ofSeconds(60);
    Limits brief = Stage.limits(longest, Duration.ofSeconds(3), longest);
    try (WireCoordinator alice = through(tap, brief)) {
      alice.fetch(blob, folder.resolve("here"));
    }
    assertThat(tap.struck()).isOne();
    assertThat(folder.resolve("here")).hasBinaryContent(content);
  }

  @Test
  void anotherStartOfTheClientGoesOn() throws Exception {
    byte[] content = Stage.random(BYTES, 6);
    Blob blob = stage.rounds.offer(content);
    Path part = folder.resolve("client-alice/" + blob.sha256() + ".part");
    Files.createDirectories(part.getParent());
    Files.write(part, java.util.Arrays.copyOf(content, 1_034_567));
    try (WireCoordinator alice = stage.client("alice")) {
      alice.fetch(blob, folder.resolve("here"));
    }
    assertThat(folder.resolve("here")).hasBinaryContent(content);
    assertThat(logged("fetch")).containsExactly(1_034_567L);
  }

  @Test
  void whatACrashLeftDamagedBeginsAnew() throws Exception {
    byte[] content = Stage.random(BYTES, 7);
    Blob blob = stage.rounds.offer(content);
    Path part = folder.resolve("client-alice/" + blob.sha256() + ".part");
    Files.createDirectories(part.getParent());
    Files.write(part, new byte[1_000_000]);
    try (WireCoordinator alice = stage.client("alice")) {
      alice.fetch(blob, folder.resolve("here"));
    }
    assertThat(folder.resolve("here")).hasBinaryContent(content);
    assertThat(logged("fetch")).containsExactly(1_000_000L, 0L);
  }

  @Test
  void anotherStartOfTheServerGoesOn() throws Exception {
    byte[] content = Stage.random(BYTES, 8);
    Path update = Files.write(folder.resolve("update"), content);
    Blob blob = Blob.of(update);
    Limits once = Stage.limits(Duration.ofSeconds(60), Duration.ofSeconds(60), Duration.ZERO);
    Tap tap = tap(new Plan(true, 1_500_000, Fault.CUT));
    try (WireCoordinator alice = through(tap, once)) {
      assertThatThrownBy(() -> alice.submit(update)).isInstanceOf(IOException.class);
    }
    stage.logged(l -> l.value("event").equals("broken"));
    Path part = stage.rounds.incoming().resolve("alice." + blob.sha256() + ".part");
    // How much of it had arrived by then is a matter of luck; a crash leaves it cut anywhere.
    assertThat(Files.size(part)).isLessThan(BYTES);
    Files.write(part, java.util.Arrays.copyOf(content, 1_000_003));
    stage.restart();
    try (WireCoordinator alice = stage.client("alice")) {
      assertThat(alice.submit(update)).isEqualTo(Receipt.ACCEPTED);
    }
    assertThat(stage.rounds.taken).containsExactly("alice " + blob.sha256());
    assertThat(logged("uploaded")).hasSize(1);
  }

  @Test
  void aClientOutlivesItsServer() throws Exception {
    Path update = Files.write(folder.resolve("update"), Stage.random(1000, 9));
    Kit kit = stage.kit("alice");
    try (WireCoordinator alice = stage.client(kit, "alice", Stage.LIMITS)) {
      assertThat(alice.submit(update)).isEqualTo(Receipt.ACCEPTED);
    }
    // The port of the next server is another; the kit's other hosts are tried in turn.
    stage.restart();
    try (WireCoordinator alice = stage.client("alice")) {
      assertThat(alice.submit(update).verdict()).isEqualTo(Receipt.Verdict.DUPLICATE);
      JsonObject first = stage.audit().getFirst();
      assertThat(first.value("event")).isEqualTo("uploaded");
    }
  }
}
