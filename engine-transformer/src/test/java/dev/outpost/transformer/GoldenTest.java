package dev.outpost.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.train.Blocks;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The engine against Transformers and PyTorch. Each test logs how far it was from their f64 result.
 */
class GoldenTest {
  private static final System.Logger LOG = System.getLogger(GoldenTest.class.getName());
  private static final String CASES = "namesAndKernels";

  @TempDir private Path temporary;

  static Stream<Arguments> namesAndKernels() {
    return Golden.NAMES.stream()
        .flatMap(n ->
            TinyModels.kernels().stream()
                .map(k -> Arguments.argumentSet(n + " " + k.name(), n, k)));
  }

  @ParameterizedTest
  @MethodSource(CASES)
  void logitsAreTheReferences(String name, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      check(golden, "logits", new Parity(golden, folder, kernels).logits());
      assertThat(folder.report().unused()).isEmpty();
      assertThat(folder.report().notes()).isEmpty();
    }
  }

  @ParameterizedTest
  @MethodSource(CASES)
  void lossAndEveryGradientAreTheReferences(String name, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      Parity.Differences step = new Parity(golden, folder, kernels).step();
      check(golden, "loss", step.loss());
      assertThat(step.gradients().keySet()).isEqualTo(folder.model().parameters().keySet());
      LOG.log(Level.INFO, golden + ": gradients off by " + step.gradients());
      check(golden, "gradients", step.worst());
    }
  }

  @ParameterizedTest
  @MethodSource(CASES)
  void tenTrainingLossesAreTheReferences(String name, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      check(golden, "losses", new Parity(golden, folder, kernels).losses());
    }
  }

  @ParameterizedTest
  @MethodSource(CASES)
  void greedyGenerationIsTheReferences(String name, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      assertThat(new Parity(golden, folder, kernels).greedy()).isEqualTo(golden.ints("greedy"));
    }
  }

  @ParameterizedTest
  @MethodSource(CASES)
  void perplexityInFixedBlocksIsTheReferences(String name, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      Blocks blocks = blocks(golden);
      Perplexity got = Perplexity.of(folder.model(), kernels, new Workspace(), blocks, 2);
      assertThat(got.tokens()).isEqualTo((long) blocks.count() * (blocks.length() - 1));
      check(golden, "perplexity", Math.abs(got.value() / golden.number("perplexity") - 1));
    }
  }

  private static Blocks blocks(Golden golden) throws IOException {
    return Blocks.of(golden.ints("stream"), golden.block());
  }

  private static void check(Golden golden, String what, double far) throws IOException {
    LOG.log(
        Level.INFO,
        "%s: %s is %.1e off, bound %.1e".formatted(golden, what, far, golden.bound(what)));
    assertThat(far)
        .as("%s of %s, relative to the largest", what, golden)
        .isLessThanOrEqualTo(golden.bound(what));
  }
}
