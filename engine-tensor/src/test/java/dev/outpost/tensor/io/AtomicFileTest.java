package dev.outpost.tensor.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void anOldFile() throws IOException {
    file = Files.writeString(folder.resolve("state.json"), "old");
  }

  @Test
  void replacesTheFileAndLeavesNothingElse() throws IOException {
    AtomicFile.write(file, new byte[] {'n', 'e', 'w'});
    assertThat(file).hasContent("new");
    assertThat(inFolder()).containsExactly("state.json");
  }

  @Test
  void createsFileAndFolders() throws IOException {
    Path deep = folder.resolve("a").resolve("b").resolve("c.bin");
    AtomicFile.write(deep, new byte[0]);
    assertThat(deep).isEmptyFile();
  }

  @Test
  void theOldFileIsSeenUntilTheNewOneIsWhole() throws IOException {
    AtomicFile.write(
        file,
        6,
        channel -> {
          channel.write(ByteBuffer.wrap(new byte[] {'n', 'e', 'w'}));
          channel.force(false);
          assertThat(file).hasContent("old");
          channel.write(ByteBuffer.wrap(new byte[] {'e', 's', 't'}));
        });
    assertThat(file).hasContent("newest");
  }

  @Test
  void keepsTheOldFileWhenTheContentFails() throws IOException {
    assertThatThrownBy(() ->
            AtomicFile.write(
                file,
                3,
                channel -> {
                  channel.write(ByteBuffer.wrap(new byte[] {'n'}));
                  throw new IOException("the source went away");
                }))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll(file.toString(), "the source went away", "is unchanged");
    unchanged();
  }

  @Test
  void keepsTheOldFileWhenTheContentHasABug() throws IOException {
    assertThatThrownBy(() ->
            AtomicFile.write(
                file,
                3,
                channel -> {
                  channel.write(ByteBuffer.wrap(new byte[] {'n'}));
                  throw new IllegalStateException("bug");
                }))
        .isInstanceOf(IllegalStateException.class);
    unchanged();
  }

  @Test
  void keepsTheOldFileWhenMemoryRunsOut() throws IOException {
    assertThatThrownBy(() ->
            AtomicFile.write(
                file,
                3,
                channel -> {
                  throw new OutOfMemoryError("injected");
                }))
        .isInstanceOf(OutOfMemoryError.class);
    unchanged();
  }

  @Test
  void keepsTheOldFileWhenInterrupted() throws IOException {
    Thread.currentThread().interrupt();
    try {
      assertThatThrownBy(() -> AtomicFile.write(file, new byte[100]))
          .isInstanceOf(IOException.class)
          .hasMessageContainingAll(file.toString(), "interrupted", "is unchanged");
    } finally {
      assertThat(Thread.interrupted()).as("the interrupt stays visible to the caller").isTrue();
    }
    unchanged();
  }

  @Test
  void refusesBeforeWritingWhatTheDiskCannotHold() throws IOException {
    assertThatThrownBy(() ->
            AtomicFile.write(
                file,
                Long.MAX_VALUE - 1,
                channel -> {
                  throw new AssertionError("must not be asked for content");
                }))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll(
            file.toString(),
            "the disk is full",
            (Long.MAX_VALUE - 1) + " bytes are needed",
            "are free",
            "make room",
            "is unchanged");
    unchanged();
  }

  @Test
  void refusesAFolderAsTarget() throws IOException {
    Path sub = Files.createDirectory(folder.resolve("sub"));
    assertThatThrownBy(() -> AtomicFile.write(sub, new byte[1]))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll(sub.toString(), "is a folder");
    assertThat(inFolder()).containsExactly("state.json", "sub");
  }

  @Test
  void saysThatAParentIsAFile() throws IOException {
    Path below = file.resolve("x.json");
    assertThatThrownBy(() -> AtomicFile.write(below, new byte[1]))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll(below.toString(), "could not be written", file.toString());
    unchanged();
  }

  private void unchanged() throws IOException {
    assertThat(file).hasContent("old");
    assertThat(inFolder()).containsExactly("state.json");
  }

  private List<String> inFolder() throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(p -> p.getFileName().toString()).sorted().toList();
    }
  }
}
