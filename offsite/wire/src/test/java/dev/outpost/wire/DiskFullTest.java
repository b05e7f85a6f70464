package dev.outpost.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.outpost.offsite.federated.Answer;
import dev.outpost.offsite.federated.Blob;
import dev.outpost.offsite.federated.Receipt;
import dev.outpost.offsite.federated.UnreachableException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@SuppressWarnings("try") // What a stage closes may be interrupted.
class DiskFullTest {
  private static final Path FULL = Path.of("/dev/full");
  private static final Duration LONG = Duration.ofSeconds(60);
  private static final Limits BRIEF = Stage.limits(LONG, LONG, Duration.ofMillis(30));

  @TempDir Path folder;

  @Test
  void aServerWhoseDiskIsFullSaysSoAndLives() throws Exception {
    assumeTrue(Files.exists(FULL), "needs Linux");
    try (Stage stage = new Stage(folder)) {
      Path update = Files.write(folder.resolve("update"), Stage.random(400_000, 1));
      Blob blob = Blob.of(update);
      // Writing there fails as on a full disk.
      Path part = stage.rounds.incoming().resolve("alice." + blob.sha256() + ".part");
      Files.createSymbolicLink(part, FULL);
      try (WireCoordinator alice = stage.client(stage.kit("alice"), "alice", BRIEF)) {
        assertThatThrownBy(() -> alice.submit(update))
            .isInstanceOf(UnreachableException.class)
            .hasMessageContaining("the owner's disk takes no more");
        assertThat(stage.refused("the owner's disk takes no more").value("party"))
            .isEqualTo("alice");
        assertThat(alice.next(Duration.ZERO)).isInstanceOf(Answer.Wait.class);
        Files.delete(part);
        assertThat(alice.submit(update)).isEqualTo(Receipt.ACCEPTED);
      }
    }
  }

  @Test
  void aServerSaysBeforehandThatItHasNoRoom() throws Exception {
    Limits l = Stage.LIMITS;
    Limits none =
        new Limits(
            l.handshake(),
            l.idle(),
            l.age(),
            l.keepAlive(),
            l.stall(),
            l.poll(),
            l.connections(),
            l.handshakes(),
            l.connectionsPerClient(),
            l.calls(),
            l.callsPerClient(),
            1L << 60,
            l.firstPause(),
            l.longestPause(),
            l.giveUp());
    try (Stage stage = new Stage(folder, none)) {
      Path update = Files.write(folder.resolve("update"), Stage.random(1000, 1));
      try (WireCoordinator alice = stage.client(stage.kit("alice"), "alice", BRIEF)) {
        assertThatThrownBy(() -> alice.submit(update))
            .isInstanceOf(UnreachableException.class)
            .hasMessageContaining("the owner's disk is full");
        assertThat(stage.rounds.incoming()).isEmptyDirectory();
      }
      stage.refused("the owner's disk is full");
    }
  }

  @Test
  void aClientWhoseDiskIsFullSaysWhichFile() throws Exception {
    assumeTrue(Files.exists(FULL), "needs Linux");
    try (Stage stage = new Stage(folder)) {
      Blob blob = stage.rounds.offer(Stage.random(1000, 2));
      Path part = folder.resolve("client-alice/" + blob.sha256() + ".part");
      Files.createDirectories(part.getParent());
      Files.createSymbolicLink(part, FULL);
      try (WireCoordinator alice = stage.client("alice")) {
        assertThatThrownBy(() -> alice.fetch(blob, folder.resolve("here")))
            .isNotInstanceOf(UnreachableException.class)
            .hasMessageContaining(part + ": cannot be written");
      }
    }
  }
}
