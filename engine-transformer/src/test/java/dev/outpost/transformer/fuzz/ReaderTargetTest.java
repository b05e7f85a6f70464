package dev.outpost.transformer.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every file of the corpus through its reader: {@code seed-…} are good files, {@code found-…} broke
 * a reader once, {@code hostile-…} were made to.
 */
class ReaderTargetTest {
  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource
  void answersOrRefusesEveryFileOfItsCorpus(ReaderTarget target) throws IOException {
    int good = 0;
    for (Path file : corpus(target)) {
      byte[] bytes = Files.readAllBytes(file);
      try {
        target.accept(folder, bytes);
      } catch (RuntimeException | Error e) {
        throw new AssertionError(file + " breaks the reader", e);
      }
      if (!file.getFileName().toString().startsWith("seed-")) continue;
      // A seed that is refused would leave what stands behind the door untried.
      target.read(Files.write(target.in(folder), bytes));
      good++;
    }
    assertThat(good).as("seeds of " + target).isPositive();
  }

  private static List<Path> corpus(ReaderTarget target) throws IOException {
    String name = "/fuzz/" + target.name().toLowerCase(Locale.ROOT);
    try (Stream<Path> files = Files.list(Path.of(ReaderTarget.class.getResource(name).toURI()))) {
      return files.sorted().toList();
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @EnumSource
  void answersOrRefusesEveryCutOfItsShortestSeed(ReaderTarget target) throws IOException {
    byte[] seed = new byte[1 << 20];
    for (Path file : corpus(target)) {
      byte[] bytes = Files.readAllBytes(file);
      boolean good = file.getFileName().toString().startsWith("seed-");
      if (good && bytes.length < seed.length) seed = bytes;
    }
    int step = Math.max(1, seed.length / 100);
    for (int n = 0; n < seed.length; n += step) target.accept(folder, Arrays.copyOf(seed, n));
  }
}
