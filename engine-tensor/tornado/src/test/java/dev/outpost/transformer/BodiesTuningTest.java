package dev.outpost.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tornado.PlainDevice;
import dev.outpost.transformer.peft.PeftMethod;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tuning by the kernels' bodies, and what becomes of it where memory is short. */
class BodiesTuningTest {
  private static final Spec SPEC = TinyModels.spec(2);
  private static final PeftMethod LORA = TuningOnDevice.METHODS.getFirst();

  @TempDir private Path folder;

  @Test
  void tuningIsEqualToTheProcessors() {
    PlainDevice device = new PlainDevice(1 << 20, 1 << 16);
    TuningOnDevice.requireEqual(
        TuningOnDevice.learn(SPEC, LORA, device.kernels()),
        TuningOnDevice.learn(SPEC, LORA, TinyModels.best()));
    assertThat(device.notes()).isEmpty();
  }

  @Test
  void aResumedRunIsTheUninterruptedToTheBit() throws IOException {
    var whole = TuningOnDevice.learn(SPEC, LORA, new PlainDevice(1 << 20, 1 << 16).kernels());
    TransformerModel resumed =
        TuningOnDevice.resumed(SPEC, LORA, new PlainDevice(1 << 20, 1 << 16).kernels(), folder, 2);
    var want = TinyModels.numbers(whole.model());
    TinyModels.numbers(resumed)
        .forEach((name, got) -> assertThat(got).as(name).isEqualTo(want.get(name)));
  }

  @Test
  void whereMemoryIsShortTheRunGoesOnAndSaysSo() {
    PlainDevice device = new PlainDevice(6 << 10, 1 << 6);
    TuningOnDevice.requireEqual(
        TuningOnDevice.learn(SPEC, LORA, device.kernels()),
        TuningOnDevice.learn(SPEC, LORA, TinyModels.best()));
    assertThat(device.notes())
        .hasSize(1)
        .first()
        .asString()
        .contains("device memory", "stays in the host's memory", "--device-memory");
  }

  @Test
  void stepsBringTokensAndTakeLossesOnly() {
    PlainDevice device = new PlainDevice(1 << 20, 1 << 16);
    TuningOnDevice.learn(SPEC, LORA, device.kernels());
    long parameters = 4 * TinyModels.random(SPEC, 1).count(false);
    // Each weight once, adapters with their moments, at two validations the best; tokens besides.
    assertThat(device.upBytes()).isLessThan(2 * parameters);
    assertThat(device.downBytes()).isLessThan(parameters);
  }
}
