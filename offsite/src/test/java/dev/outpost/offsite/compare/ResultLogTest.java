package dev.outpost.offsite.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lines survive what happens to a process. */
final class ResultLogTest {
  private static final String TWO = "{\"key\":\"a\",\"n\":1}\n{\"key\":\"b\",\"n\":2}\n";

  @TempDir Path dir;
  private Path file;

  @BeforeEach
  void inAFolderThatIsNotThere() {
    file = dir.resolve("results").resolve("results.jsonl");
  }

  private static JsonObject line(String key, int n) {
    return JsonObject.create().put("key", key).put("n", n);
  }

  private List<String> keys() throws IOException {
    try (ResultLog log = ResultLog.open(file)) {
      return log.lines().stream().map(l -> "" + l.value("key") + l.value("n")).toList();
    }
  }

  @Test
  void whatWasAppendedIsThereAndTheLaterLineHolds() throws Exception {
    try (ResultLog log = ResultLog.open(file)) {
      log.append(line("a", 1));
      log.append(line("b", 2));
      log.append(line("a", 3));
      assertThat(log.find("a").integer("n")).isEqualTo(3);
      assertThat(log.find("c")).isNull();
    }
    assertThat(keys()).containsExactly("a3", "b2");
    assertThat(Files.readAllLines(file)).hasSize(3);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{\"key\":\"c\",\"n\"", "{", "\0\0\0\0", "{\"key\":\"c\",\"n\"\n", "{\"n\":1}\n"})
  void aDamagedLastLineIsCutOff(String tail) throws Exception {
    Files.createDirectories(file.getParent());
    Files.writeString(file, TWO + tail);
    assertThat(keys()).containsExactly("a1", "b2");
    assertThat(Files.readString(file)).isEqualTo(TWO);
    try (ResultLog log = ResultLog.open(file)) {
      log.append(line("c", 3));
    }
    assertThat(keys()).containsExactly("a1", "b2", "c3");
  }

  @Test
  void aWholeLastLineWithoutItsEndIsKept() throws Exception {
    Files.createDirectories(file.getParent());
    Files.writeString(file, TWO + "{\"key\":\"c\",\"n\":3}");
    try (ResultLog log = ResultLog.open(file)) {
      log.append(line("d", 4));
    }
    assertThat(keys()).containsExactly("a1", "b2", "c3", "d4");
  }

  @Test
  void damageBeforeTheLastLineIsToldAndNothingIsChanged() throws Exception {
    Files.createDirectories(file.getParent());
    String damaged = "{\"key\":\"a\",\n{\"key\":\"b\",\"n\":2}\n";
    Files.writeString(file, damaged);
    assertThatThrownBy(this::keys)
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("results.jsonl line 1")
        .hasMessageContaining("remove this line");
    assertThat(Files.readString(file)).isEqualTo(damaged);
  }

  @Test
  void twoRunsDoNotWriteAtOnce() throws Exception {
    try (ResultLog log = ResultLog.open(file)) {
      log.append(line("a", 1));
      assertThatThrownBy(this::keys).hasMessageContaining("another run writes to it");
    }
    assertThat(keys()).containsExactly("a1");
  }
}
