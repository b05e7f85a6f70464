package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --device} where no software for devices is. */
final class DeviceOptionsTest {
  @TempDir private Path temporary;

  /** A command that computes, for a moment. */
  private Shell.Outcome pretrain(String... options) throws Exception {
    Path corpus = temporary.resolve("text");
    Files.writeString(corpus, "the quick brown fox jumps over the lazy dog\n".repeat(40));
    List<Object> words = new ArrayList<>(List.of("pretrain", "--corpus", corpus));
    words.addAll(List.of("--out", temporary.resolve("model"), "--layers", "1", "--heads", "1"));
    words.addAll(List.of("--width", "8", "--context", "8", "--vocab", "260"));
    words.addAll(List.of("--steps", "1", "--batch", "1", "--threads", "1"));
    words.addAll(Arrays.asList(options));
    return Shell.run(words.toArray());
  }

  private void refused(Shell.Outcome o, String... parts) {
    assertThat(o.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err().strip().lines()).hasSize(1);
    assertThat(o.err()).contains(parts);
    assertThat(temporary.resolve("model")).doesNotExist();
  }

  @Test
  void aGpuWithoutSoftwareIsRefusedWithTheCure() throws Exception {
    refused(
        pretrain("--device", "gpu"), "--device gpu", "no GPU", "TORNADOVM_HOME", "--device cpu");
    refused(pretrain("--device", "0:3"), "--device 0:3", "no device 0:3", "TORNADOVM_HOME");
  }

  @ParameterizedTest
  @ValueSource(strings = {"nonsense", "GPU", "1"})
  void otherWordsAreRefused(String words) throws Exception {
    refused(pretrain("--device", words), "--device: ", "cpu, gpu, auto", "got " + words);
  }

  @ParameterizedTest
  @ValueSource(strings = {"much", "12", "1.5G", "12g", "-1M", "99999999G"})
  void memoryThatIsNoSizeIsRefused(String size) throws Exception {
    for (String device : List.of("auto", "cpu"))
      refused(
          pretrain("--device", device, "--device-memory=" + size),
          "--device-memory: ",
          "12G or 800M",
          "got " + size);
  }

  @Test
  void autoIsTheProcessorWithoutAWord() throws Exception {
    for (String device : List.of("auto", "cpu")) {
      Shell.Outcome o = pretrain("--device", device);
      assertThat(o.code()).as(o.err()).isEqualTo(ExitCode.OK);
      assertThat(o.err()).doesNotContain("device");
      try (var files = Files.walk(temporary.resolve("model"))) {
        for (Path f : files.sorted(java.util.Comparator.reverseOrder()).toList()) Files.delete(f);
      }
    }
  }
}
