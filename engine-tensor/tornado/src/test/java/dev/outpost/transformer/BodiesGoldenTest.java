package dev.outpost.transformer;

import dev.outpost.tornado.PlainDevice;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole models by the kernels' bodies: GPT-2 with a weight as stored, Llama with grouped heads. */
class BodiesGoldenTest {
  @TempDir private Path temporary;

  @ParameterizedTest
  @ValueSource(strings = {"sharded-bf16", "llama-grouped-f32"})
  void theBodiesComputeWhatPyTorchDoes(String name) throws IOException {
    Goldens.checkStep(name, temporary, new PlainDevice(1 << 20, 1 << 18).kernels());
  }
}
