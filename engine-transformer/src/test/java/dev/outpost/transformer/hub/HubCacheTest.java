package dev.outpost.transformer.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Finding a model by its name. */
final class HubCacheTest {
  private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  @TempDir Path root;
  private HubCache cache;
  private Path repo;

  @BeforeEach
  void begin() {
    cache = new HubCache(root, true);
    repo = root.resolve("models--a--b");
  }

  private Path snapshot(String... files) throws IOException {
    Path folder = Files.createDirectories(repo.resolve("snapshots").resolve(COMMIT));
    for (String f : files) Files.createFile(folder.resolve(f));
    Files.createDirectories(repo.resolve("refs"));
    Files.writeString(repo.resolve("refs/main"), COMMIT);
    return folder;
  }

  @Test
  void aPathThatIsThereIsMeant() throws IOException {
    snapshot("config.json");
    assertThat(cache.locate(root)).isEqualTo(root);
    assertThat(cache.locate(Path.of("no-name-of-a-model")))
        .isEqualTo(Path.of("no-name-of-a-model"));
  }

  @Test
  void aNameIsAFolderOfTheCache() throws IOException {
    Path folder = snapshot("config.json");
    assertThat(cache.locate(Path.of("a/b"))).isEqualTo(folder);
    assertThat(cache.locate(Path.of("a/b@" + COMMIT))).isEqualTo(folder);
  }

  @Test
  void aNameThatIsNotThereTellsHowToGetIt() {
    assertThatThrownBy(() -> cache.locate(Path.of("a/b")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("outpost pull a/b")
        .hasMessageContaining(root.toString());
    assertThatThrownBy(() -> cache.locate(Path.of("a/b@v2")))
        .hasMessageContaining("outpost pull a/b@v2");
  }

  @Test
  void oneGgufFileIsTheModel() throws IOException {
    Path folder = snapshot("q8.gguf");
    assertThat(cache.locate(Path.of("a/b"))).isEqualTo(folder.resolve("q8.gguf"));
    Files.createFile(folder.resolve("q4.gguf"));
    assertThatThrownBy(() -> cache.locate(Path.of("a/b")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("q4.gguf")
        .hasMessageContaining("q8.gguf");
  }

  @Test
  void aReferenceThatIsNoCommitIsNotFollowed() throws IOException {
    snapshot("config.json");
    Files.writeString(repo.resolve("refs/main"), "../../..");
    assertThatThrownBy(() -> cache.find(HubModel.parse("a/b")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("refs");
  }
}
