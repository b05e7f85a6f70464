package dev.outpost.tensor.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {
  private static final String INDEX = "model.safetensors.index.json";

  @TempDir Path temp;
  private Path folder;

  @BeforeEach
  void makeFolder() throws IOException {
    folder = Files.createDirectory(temp.resolve("model"));
  }

  @Test
  void opensASingleFileBeforeAnIndex() throws IOException {
    shard("model.safetensors", "single");
    Files.writeString(folder.resolve(INDEX), "not even JSON");
    try (Checkpoint c = Checkpoint.open(folder)) {
      assertThat(c.names()).containsExactly("single");
      assertThat(c.metadata()).containsEntry("format", "pt");
    }
  }

  @Test
  void opensAFileOfAnyName() throws IOException {
    try (Checkpoint c = Checkpoint.ofFile(shard("adapter.safetensors", "a"))) {
      assertThat(c.has("a")).isTrue();
      assertThat(c.info("a").dtype()).isEqualTo("F32");
    }
  }

  @Test
  void saysWhatAFolderLacks() {
    assertThatThrownBy(() -> Checkpoint.open(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll(folder.toString(), "neither model.safetensors nor", "converted");
    assertThatThrownBy(() -> Checkpoint.open(folder.resolve("typo")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("typo: no such folder");
  }

  @Test
  void namesTheTensorThatIsNotThere() throws IOException {
    shard("model.safetensors", "a");
    try (Checkpoint c = Checkpoint.open(folder)) {
      assertThatThrownBy(() -> c.weight("b"))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("no tensor named b");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ".",
        "..",
        "../secret.safetensors",
        "/etc/hosts",
        "sub/a.safetensors",
        "a/../b",
        "..\\\\secret",
        "C:\\\\a",
        "a\\u0000b"
      })
  void refusesShardNamesWithAPath(String shard) throws IOException {
    shard("../secret.safetensors", "a");
    index("{\"a\": \"" + shard + "\"}");
    refused("weight_map: field a names shard", "plain file name in the same folder");
  }

  @Test
  void refusesAShardThatIsALinkOutOfTheFolder() throws IOException {
    link(folder.resolve("a.safetensors"), shard("../secret.safetensors", "a"));
    index("{\"a\": \"a.safetensors\"}");
    refused("names shard a.safetensors", "a link that leaves the folder", "secret");
  }

  @Test
  void followsALinkInsideTheFolder() throws IOException {
    link(folder.resolve("a.safetensors"), shard("b.safetensors", "a"));
    index("{\"a\": \"a.safetensors\"}");
    try (Checkpoint c = Checkpoint.open(folder)) {
      assertThat(c.names()).containsExactly("a");
    }
  }

  /** models--x/snapshots/REVISION/shard → models--x/blobs/HASH. */
  @Test
  void followsTheLinksOfTheHubCacheAndNoOthers() throws IOException {
    Path repository = Files.createDirectory(temp.resolve("models--x"));
    Files.createDirectory(repository.resolve("blobs"));
    folder = Files.createDirectories(repository.resolve("snapshots").resolve("abc"));
    Path blob = shard("../../blobs/0123", "a");
    link(folder.resolve("a.safetensors"), Path.of("../../blobs/0123"));
    index("{\"a\": \"a.safetensors\"}");
    try (Checkpoint c = Checkpoint.open(folder)) {
      assertThat(c.names()).containsExactly("a");
    }
    Files.move(blob, temp.resolve("moved"));
    Files.delete(folder.resolve("a.safetensors"));
    link(folder.resolve("a.safetensors"), temp.resolve("moved"));
    refused("a link that leaves the folder");
  }

  @Test
  void refusesAMissingShard() throws IOException {
    shard("a.safetensors", "a");
    index("{\"a\": \"a.safetensors\", \"b\": \"b.safetensors\"}");
    refused("field b names shard b.safetensors", "missing", "download the checkpoint completely");
  }

  @Test
  void refusesATensorThatItsShardLacks() throws IOException {
    shard("a.safetensors", "a");
    index("{\"a\": \"a.safetensors\", \"b\": \"a.safetensors\"}");
    refused("field b names shard a.safetensors", "does not hold that tensor");
  }

  @Test
  void refusesAShardThatHoldsMoreThanTheIndexSays() throws IOException {
    shard("a.safetensors", "a", "extra");
    index("{\"a\": \"a.safetensors\"}");
    refused("a.safetensors: holds tensor extra", "does not assign to it");
  }

  @Test
  void refusesATensorThatTwoShardsHold() throws IOException {
    shard("a.safetensors", "a");
    shard("b.safetensors", "a", "b");
    index("{\"a\": \"a.safetensors\", \"b\": \"b.safetensors\"}");
    refused("b.safetensors: holds tensor a", "does not assign to it");
  }

  @Test
  void refusesADamagedShardByItsName() throws IOException {
    shard("a.safetensors", "a");
    Files.write(folder.resolve("b.safetensors"), new byte[3]);
    index("{\"a\": \"a.safetensors\", \"b\": \"b.safetensors\"}");
    refused("b.safetensors: has 3 bytes");
  }

  @Test
  void refusesADamagedIndex() throws IOException {
    Files.writeString(folder.resolve(INDEX), "{\"metadata\": {}}");
    refused(INDEX + ": field weight_map is missing");
    index("{}");
    refused(INDEX + ": field weight_map is empty");
    index("[]");
    refused("field weight_map must be an object");
    index("{\"a\": 1}");
    refused("weight_map: field a must be a string");
    index("{\"a\": \"x\", \"a\": \"y\"}");
    refused("not valid JSON", "Duplicate Object property \"a\"");
    index("{\"a\": \"x\"");
    refused("not valid JSON");
    Files.write(folder.resolve(INDEX), new byte[] {'{', '"', (byte) 0xFF, '"', ':', '1', '}'});
    refused(INDEX + ": is not valid UTF-8");
  }

  private void refused(String... fragments) {
    assertThatThrownBy(() -> Checkpoint.open(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContainingAll(fragments);
  }

  private void index(String weightMap) throws IOException {
    Files.writeString(folder.resolve(INDEX), "{\"weight_map\": " + weightMap + "}");
  }

  private Path shard(String file, String... names) throws IOException {
    Map<String, Weight> tensors = new LinkedHashMap<>();
    for (String n : names) tensors.put(n, HeapWeight.of(Tensor.zeros(Shape.of(2))));
    Path path = folder.resolve(file).normalize();
    SafetensorsWriter.write(path, tensors, null, Map.of("format", "pt"));
    return path;
  }

  private static void link(Path link, Path target) {
    try {
      Files.createSymbolicLink(link, target);
    } catch (IOException | UnsupportedOperationException e) {
      abort("this system makes no symbolic links: " + e);
    }
  }
}
