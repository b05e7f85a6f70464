package dev.outpost.tensor.kernel.vector;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The width is fixed when the classes load, so each width has its own JVM. */
class VectorWidthTest {
  @ParameterizedTest
  @ValueSource(ints = {128, 256, 512})
  void everyWidthAgreesWithTheSpecification(int bits) throws IOException, InterruptedException {
    agrees(bits, "-XX:UseAVX=3");
  }

  /** Sixteen registers: other tiles than a machine with 32 takes. */
  @ParameterizedTest
  @ValueSource(ints = {128, 256})
  void tilesForSixteenRegistersAgree(int bits) throws IOException, InterruptedException {
    agrees(bits, "-XX:UseAVX=2");
  }

  private static void agrees(int bits, String registers) throws IOException, InterruptedException {
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "-XX:TieredStopAtLevel=1",
                // Other processors than x86 do not know the flag.
                "-XX:+IgnoreUnrecognizedVMOptions",
                registers,
                "-D" + Lanes.PROPERTY + "=" + bits,
                "-cp",
                System.getProperty("java.class.path"),
                ParityProbe.class.getName())
            .redirectErrorStream(true)
            .start();
    String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(child.waitFor()).as(output).isZero();
    assertThat(output).contains("agrees: vector-" + bits);
  }
}
