package dev.outpost.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.offsite.federated.Answer;
import dev.outpost.offsite.federated.Blob;
import dev.outpost.offsite.federated.Receipt;
import dev.outpost.offsite.federated.RefusedException;
import dev.outpost.offsite.federated.SecureReply;
import dev.outpost.offsite.federated.SecureRequest;
import dev.outpost.offsite.federated.Transport;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WireTest {
  private static final Duration LONG = Duration.ofSeconds(60);

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

  @Test
  void isFoundAsAService() {
    assertThat(Transport.find()).isInstanceOf(WireTransport.class);
  }

  @Test
  void everyAnswerArrivesAsItWasGiven() throws Exception {
    Blob global = new Blob("cd".repeat(32), 1L << 40);
    var request = new SecureRequest(3, SecureRequest.Phase.SHARES, 2, 5, new byte[] {1, 2, 3, -1});
    List<Answer> said =
        List.of(
            new Answer.Wait(Duration.ofMillis(1234)),
            new Answer.Tune(FakeRounds.assignment("alice", 1, global)),
            new Answer.Tune(FakeRounds.assignment("alice", 2, global)),
            new Answer.Finished(9, global));
    stage.rounds.answers.addAll(said);
    stage.rounds.answers.add(new Answer.Speak(FakeRounds.assignment("alice", 3, global), request));
    try (WireCoordinator alice = stage.client("alice")) {
      for (Answer a : said) assertThat(alice.next(LONG)).isEqualTo(a);
      assertThat(alice.next(LONG))
          .isInstanceOfSatisfying(
              Answer.Speak.class,
              s -> {
                assertThat(s.assignment()).isEqualTo(FakeRounds.assignment("alice", 3, global));
                assertThat(s.request()).usingRecursiveComparison().isEqualTo(request);
              });
    }
  }

  @Test
  void aQuestionWaitsForItsAnswer() throws Exception {
    try (WireCoordinator alice = stage.client("alice")) {
      assertThat(alice.next(Duration.ZERO)).isInstanceOf(Answer.Wait.class);
      Answer finished = new Answer.Finished(1, new Blob("cd".repeat(32), 5));
      Thread owner = Thread.startVirtualThread(() -> stage.rounds.answers.add(finished));
      assertThat(alice.next(LONG)).isEqualTo(finished);
      owner.join();
    }
  }

  @Test
  void filesGoBothWaysAndAreRecorded() throws Exception {
    byte[] model = Stage.random(1_500_001, 1);
    Blob blob = stage.rounds.offer(model);
    Path update = Files.write(folder.resolve("update"), Stage.random(700_000, 2));
    Blob sent = Blob.of(update);
    try (WireCoordinator alice = stage.client("alice")) {
      Path here = folder.resolve("new/folder/model");
      alice.fetch(blob, here);
      alice.fetch(blob, here);
      assertThat(here).hasBinaryContent(model);
      assertThat(alice.submit(update)).isEqualTo(Receipt.ACCEPTED);
      assertThat(alice.submit(update).verdict()).isEqualTo(Receipt.Verdict.DUPLICATE);
    }
    assertThat(stage.rounds.taken).containsExactly("alice " + sent.sha256());
    assertThat(stage.rounds.incoming()).isEmptyDirectory();
    assertThat(folder.resolve("client-alice")).isDirectoryNotContaining("glob:**.part");
    assertThat(stage.audit().stream().map(l -> l.value("event") + " " + l.value("sha256")))
        .containsExactly(
            "fetch " + blob.sha256(), "fetched " + blob.sha256(), "uploaded " + sent.sha256());
    assertThat(stage.audit().getFirst().value("party")).isEqualTo("alice");
    assertThat(stage.audit().getFirst().value("bytes")).isEqualTo(1_500_001L);
  }

  @Test
  void anEmptyFileIsFetchedToo() throws Exception {
    Blob blob = stage.rounds.offer(new byte[0]);
    try (WireCoordinator alice = stage.client("alice")) {
      alice.fetch(blob, folder.resolve("empty"));
    }
    assertThat(folder.resolve("empty")).isEmptyFile();
  }

  @Test
  void messagesOfASecureSumGoWithAndWithoutNumbers() throws Exception {
    Path numbers = Files.write(folder.resolve("numbers"), Stage.random(300_000, 3));
    try (WireCoordinator bob = stage.client("bob")) {
      SecureReply keys = new SecureReply(4, 1, SecureRequest.Phase.KEYS, Stage.random(200, 4));
      assertThat(bob.speak(keys, null)).isEqualTo(Receipt.ACCEPTED);
      SecureReply masked = new SecureReply(4, 1, SecureRequest.Phase.MASKED, new byte[0]);
      assertThat(bob.speak(masked, numbers)).isEqualTo(Receipt.ACCEPTED);
      assertThat(stage.rounds.spoken).usingRecursiveComparison().isEqualTo(List.of(keys, masked));
    }
    assertThat(stage.rounds.taken).containsExactly("bob " + Blob.of(numbers).sha256());
  }

  @Test
  void whatTheOwnerRefusesEndsTheAttempts() throws Exception {
    try (WireCoordinator alice = stage.client("alice")) {
      Blob none = new Blob("ef".repeat(32), 10);
      assertThatThrownBy(() -> alice.fetch(none, folder.resolve("none")))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("no file efef");
      Path update = Files.write(folder.resolve("update"), new byte[1001]);
      stage.rounds.largest = 1000;
      assertThatThrownBy(() -> alice.submit(update))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("1001 bytes")
          .hasMessageContaining("at most 1000");
      assertThat(stage.rounds.incoming()).isEmptyDirectory();
      stage.rounds.clients = java.util.Set.of("bob");
      assertThatThrownBy(() -> alice.next(LONG))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("takes no part");
    }
    assertThat(stage.refused("no file efef").value("party")).isEqualTo("alice");
  }

  @Test
  void theWorkOfOneBaseIsNotMixedWithAnothers() throws Exception {
    try (WireCoordinator alice = stage.client("alice")) {
      assertThat(alice.next(Duration.ZERO)).isInstanceOf(Answer.Wait.class);
    }
    stage.rounds.base = "99".repeat(32);
    try (WireCoordinator alice = stage.client("alice")) {
      assertThatThrownBy(() -> alice.next(LONG))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("is for the base " + FakeRounds.BASE)
          .hasMessageContaining("this is " + "99".repeat(32));
    }
  }

  @Test
  void anInterruptEndsACall() throws Exception {
    try (WireCoordinator alice = stage.client("alice")) {
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> alice.next(LONG)).isInstanceOf(InterruptedException.class);
      assertThat(alice.next(Duration.ZERO)).isInstanceOf(Answer.Wait.class);
    }
  }

  @Test
  void aServerThatIsNotThereIsSaidAfterABoundedTime() throws Exception {
    Kit kit = stage.kit("alice");
    stage.server().close();
    Limits brief = Stage.limits(LONG, LONG, Duration.ofMillis(30));
    try (WireCoordinator alice = stage.client(kit, "alice", brief)) {
      assertThatThrownBy(() -> alice.next(LONG))
          .isInstanceOf(java.io.IOException.class)
          .isNotInstanceOf(RefusedException.class)
          .hasMessageContaining("could not be reached for 0.03 s");
    }
  }
}
