package dev.outpost.tensor.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class HostileSafetensorsTest {
  @TempDir Path folder;

  static List<Hostile> recipes() {
    return Hostile.ALL;
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void refusesWithTheFileAndTheReason(Hostile hostile) throws IOException {
    Path file = Files.write(folder.resolve("bad.safetensors"), hostile.bytes());
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .isInstanceOf(FormatException.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContaining(hostile.message());
    // On Windows a file that is still mapped cannot be deleted: a leak shows here.
    Files.delete(file);
  }

  @Test
  void refusesEveryTruncationOfAGoodFile() throws IOException {
    byte[] good = Hostile.tensor("F32", "[2]", "[0,8]", 8);
    Path file = folder.resolve("cut.safetensors");
    for (int n = 0; n < good.length; n++) {
      Files.write(file, java.util.Arrays.copyOf(good, n));
      assertThatThrownBy(() -> SafetensorsFile.open(file)).isInstanceOf(FormatException.class);
    }
    Files.write(file, good);
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      assertThat(f.names()).containsExactly("a");
    }
  }

  @Test
  void noSingleChangedHeaderByteEndsInAnythingButAnAnswerOrARefusal() throws IOException {
    byte[] good = Hostile.tensor("F32", "[2]", "[0,8]", 8);
    Path file = folder.resolve("flipped.safetensors");
    for (int at = 0; at < good.length - 8; at++) {
      for (int value : new int[] {0, '"', '9', '-', '{', '}', ']', ',', 0x80, 0xFF}) {
        byte[] bad = good.clone();
        bad[at] = (byte) value;
        Files.write(file, bad);
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
          for (String name : f.names()) {
            TensorInfo t = f.info(name);
            assertThat(f.segment(name).byteSize()).isEqualTo(t.end() - t.begin());
          }
        } catch (FormatException e) {
          assertThat(e).hasMessageStartingWith(file.toString());
        }
      }
    }
  }

  @Test
  void namesAMissingFile() {
    Path file = folder.resolve("nowhere.safetensors");
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .isInstanceOf(FormatException.class)
        .hasMessage(file + ": no such file");
  }

  @Test
  void namesAFolderGivenAsAFile() {
    assertThatThrownBy(() -> SafetensorsFile.open(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("is a folder");
  }

  @Test
  void refusesToComputeWithIntegersAndNamesTheTensor() throws IOException {
    Path file =
        Files.write(folder.resolve("i.safetensors"), Hostile.tensor("I8", "[4]", "[0,4]", 4));
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      assertThatThrownBy(() -> f.weight("a"))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll(file.toString(), "tensor a is I8", "F32, F16 or BF16");
      assertThatThrownBy(() -> f.weight("b"))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll(file.toString(), "no tensor named b");
    }
  }

  @Test
  void opensButDoesNotComputeWithExtentsBeyondAnInt() throws IOException {
    for (String shape : List.of("[2147483648,0]", "[2147483647,2,0]")) {
      byte[] bytes = Hostile.tensor("F32", shape, "[0,0]", 0);
      Path file = Files.write(folder.resolve("wide.safetensors"), bytes);
      try (SafetensorsFile f = SafetensorsFile.open(file)) {
        assertThat(f.info("a").end()).isZero();
        assertThatThrownBy(() -> f.weight("a"))
            .isInstanceOf(FormatException.class)
            .hasMessageContainingAll(file.toString(), "tensor a", "at most 2^31-9 elements");
      }
    }
  }

  /** Where files may be sparse, four gigabytes cost nothing. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void opensButDoesNotComputeWithTooManyElements() throws IOException {
    byte[] head = Hostile.tensor("F16", "[65536,32768]", "[0,4294967296]", 0);
    Path file = Files.write(folder.resolve("huge.safetensors"), head);
    try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
      f.setLength(head.length + (1L << 32));
    }
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      assertThat(f.segment("a").byteSize()).isEqualTo(1L << 32);
      assertThatThrownBy(() -> f.weight("a"))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll("tensor a", "at most 2^31-9 elements");
    }
  }

  @Test
  void acceptsAnEmptyFileOfNoTensorsAndAHeaderPaddedAtEitherEnd() throws IOException {
    for (String json : List.of("{}      ", "{}\r \t\n", "\t\n{}\r ", "   {}")) {
      Path file = Files.write(folder.resolve("none.safetensors"), Hostile.header(json));
      try (SafetensorsFile f = SafetensorsFile.open(file)) {
        assertThat(f.names()).isEmpty();
        assertThat(f.metadata()).isEmpty();
      }
    }
  }

  @Test
  void acceptsAScalarAndATensorWithoutElements() throws IOException {
    Path file =
        Files.write(folder.resolve("s.safetensors"), Hostile.tensor("I32", "[]", "[0,4]", 4));
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      assertThat(f.info("a").dims()).isEmpty();
      assertThat(f.segment("a").byteSize()).isEqualTo(4);
    }
    Files.write(file, Hostile.tensor("I32", "[2,0]", "[0, 0]", 0));
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      assertThat(f.info("a").dims()).containsExactly(2, 0);
      assertThat(f.segment("a").byteSize()).isZero();
    }
  }

  @Test
  void closesTwice() throws IOException {
    SafetensorsFile f =
        SafetensorsFile.open(Files.write(folder.resolve("c.safetensors"), Hostile.header("{}")));
    f.close();
    f.close();
  }
}
