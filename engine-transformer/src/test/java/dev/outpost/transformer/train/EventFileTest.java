package dev.outpost.transformer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Held to the bytes of TensorBoard's own writer; see make_event_golden.py. */
final class EventFileTest {
  private static final InstantSource CLOCK =
      InstantSource.fixed(Instant.ofEpochSecond(1_700_000_000L, 250_000_000));

  @TempDir Path dir;

  @Test
  void sameBytesAsTensorBoardWrites() throws Exception {
    Path file;
    try (EventFile events = EventFile.create(dir, 7, CLOCK)) {
      file = events.file();
      events.add(7, "training/loss", 2.5);
      events.add(8, "training/loss", Double.NaN);
      events.add(300, "Verlust/ä", -1e-3);
      events.add(1L << 40, "t".repeat(200), Double.POSITIVE_INFINITY);
      events.add(0, "first", 1);
    }
    try (InputStream golden = EventFileTest.class.getResourceAsStream("golden.tfevents")) {
      assertThat(golden).isNotNull();
      assertThat(Files.readAllBytes(file)).isEqualTo(golden.readAllBytes());
    }
  }

  @Test
  void whatIsToldLiesOnTheDiskBeforeTheFileIsClosed() throws Exception {
    try (EventFile events = EventFile.create(dir, 1, CLOCK)) {
      long before = Files.size(events.file());
      events.add(1, "loss", 3);
      assertThat(Files.size(events.file())).isGreaterThan(before);
    }
  }

  @Test
  void everyStartHasAFileOfItsOwnThatSortsBehindTheOthers() throws Exception {
    Path run = dir.resolve("a/run");
    for (int i = 0; i < 3; i++) EventFile.create(run, i, CLOCK).close();
    EventFile.create(run, 9, InstantSource.fixed(Instant.ofEpochSecond(1_700_000_001L))).close();
    List<String> names;
    try (Stream<Path> s = Files.list(run)) {
      names = s.map(p -> p.getFileName().toString()).sorted().toList();
    }
    assertThat(names)
        .containsExactly(
            "events.out.tfevents.1700000000.outpost.000",
            "events.out.tfevents.1700000000.outpost.001",
            "events.out.tfevents.1700000000.outpost.002",
            "events.out.tfevents.1700000001.outpost.000");
  }

  @Test
  void aFileIsNoFolder() throws Exception {
    Path file = Files.writeString(dir.resolve("taken"), "text");
    assertThatThrownBy(() -> EventFile.create(file, 1, CLOCK))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("taken: is a file");
    assertThat(file).hasContent("text");
  }
}
