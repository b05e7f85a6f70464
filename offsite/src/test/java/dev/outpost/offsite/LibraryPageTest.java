package dev.outpost.offsite;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.app.Parties;
import dev.outpost.transformer.hub.HubServer;
import dev.outpost.transformer.load.ModelFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every example of docs/library.md compiles, runs and prints something. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class LibraryPageTest {
  private Path home;

  @BeforeAll
  void folders(@TempDir Path folder) throws Exception {
    home = folder;
    Parties.model(home.resolve("owner/model"), 2, 1024, 1);
    Files.writeString(home.resolve("private.txt"), Parties.PRIVATE);
  }

  static Stream<String> examples() throws Exception {
    List<String> blocks = Snippets.of("docs/library.md");
    assertThat(blocks).hasSizeGreaterThan(6);
    return blocks.stream();
  }

  @ParameterizedTest
  @MethodSource("examples")
  void runs(String example) throws Exception {
    try (HubServer server = new HubServer()) {
      server.put("someone/tiny", home.resolve("owner/model"));
      String small =
          example
              .replace("HubSettings.ofEnvironment()", "hub")
              .replace("withSteps(60)", "withSteps(6)");
      Object hub = server.settings(home.resolve("cache"));
      assertThat(Snippets.run(small, home, Map.of("HubSettings hub", hub))).isNotBlank();
      if (small.contains(".save("))
        try (ModelFolder tuned = ModelFolder.open(home.resolve("tuned"))) {
          assertThat(tuned.report().unused()).isEmpty();
        }
    }
  }
}
