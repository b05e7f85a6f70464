package dev.outpost.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.load.ModelFolder;
import java.io.IOException;
import java.nio.file.Path;

/** PyTorch's numbers, held against a device's by the bounds of the processor's. */
final class Goldens {
  private Goldens() {}

  /** Logits, loss and every gradient. */
  static void checkStep(String name, Path temporary, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      step(new Parity(golden, folder, kernels));
    }
  }

  /** The same, ten training losses and greedy tokens. */
  static void check(String name, Path temporary, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      Parity parity = new Parity(golden, folder, kernels);
      step(parity);
      within(golden, "losses", parity.losses());
      assertThat(parity.greedy())
          .as("greedy tokens of %s", golden)
          .isEqualTo(golden.ints("greedy"));
    }
  }

  private static void step(Parity parity) throws IOException {
    within(parity.golden(), "logits", parity.logits());
    Parity.Differences step = parity.step();
    within(parity.golden(), "loss", step.loss());
    within(parity.golden(), "gradients", step.worst());
  }

  private static void within(Golden golden, String what, double far) throws IOException {
    assertThat(far)
        .as("%s of %s, relative to the largest", what, golden)
        .isLessThanOrEqualTo(golden.bound(what));
  }
}
