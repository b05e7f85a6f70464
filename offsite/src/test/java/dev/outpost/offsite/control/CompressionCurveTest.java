package dev.outpost.offsite.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.io.FormatException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CompressionCurveTest {
  @TempDir Path folder;

  private static String line(int kept, int batch, String steps, String losses) {
    return "{\"kept\":%d,\"of\":4,\"batch\":%d,\"steps\":%s,\"plug_in\":%s}"
        .formatted(kept, batch, steps, losses);
  }

  private Path file(String... lines) throws Exception {
    return Files.write(folder.resolve("curves.jsonl"), List.of(lines));
  }

  @Test
  void theMeasuredCurveIsBetterTheMoreIsKept() {
    CompressionCurve c = CompressionCurve.measured();
    assertThat(c.curves()).hasSizeGreaterThanOrEqualTo(5);
    assertThat(c.curves().lastKey()).isEqualTo(1);
    assertThat(c.at(0.5).floor()).isLessThan(c.at(0.25).floor());
    assertThat(c.at(1).floor()).isLessThan(c.at(0.5).floor());
    assertThat(c.whole().floor()).isLessThan(c.at(1).floor());
    // Untuned, every emulator's adapter is the base's own.
    assertThat(c.at(0.125).at(0)).isEqualTo(c.whole().at(0));
  }

  @Test
  void seedsAreAveragedOtherBatchesAndSwitchesLeftOutRisesFlattened() throws Exception {
    CompressionCurve c =
        CompressionCurve.read(
            file(
                line(0, 8, "[0,2]", "[5,1]"),
                line(2, 8, "[0,2,4]", "[5,3,2]"),
                line(2, 8, "[0,2,4]", "[5,2,3]"),
                line(2, 1, "[0,2,4]", "[5,5,5]"),
                line(2, 8, "[0,2,4]", "[9,9,9]").replace("}", ",\"then\":1}"),
                line(4, 8, "[0,2,4]", "[5,1,4]")));
    assertThat(c.at(0.5).losses()).containsExactly(5.0, 2.5, 2.5);
    assertThat(c.at(1).losses()).containsExactly(5.0, 1.0, 1.0);
    assertThat(c.at(0.75).losses()).containsExactly(5.0, 1.75, 1.75);
    assertThat(c.at(0.1).losses()).isEqualTo(c.at(0.5).losses());
    assertThat(c.whole().floor()).isEqualTo(1);
  }

  @Test
  void aCurveIsWalkedBothWays() {
    LossCurve c = Tiny.curve(3);
    assertThat(c.at(0.5)).isEqualTo(4.5);
    assertThat(c.at(99)).isEqualTo(3);
    assertThat(c.stepOf(3.75)).isEqualTo(1.5);
    assertThat(c.stepOf(6)).isZero();
    assertThat(c.stepOf(2.9)).isInfinite();
    assertThat(c.after(4.5, 1, 0)).isEqualTo(3.75);
    // Below its floor a curve pulls back up: half of the gap of 1 is left after a step.
    assertThat(c.after(2, 1, 0.5)).isCloseTo(2.5, within(1e-12));
    assertThat(c.after(2, 1, 0)).isEqualTo(2);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[0,2]|[5,1,2]|plug_in must have a loss for each",
        "[1,2]|[5,1]|steps must begin with 0",
        "[0,2,2]|[5,1,1]|steps must rise",
        "[0]|[5]|must have a loss for each of 2",
        "[0,1]|[5,\"x\"]|must be a list of finite numbers"
      })
  void badLinesAreRefusedByFileAndField(String steps, String losses, String rule) throws Exception {
    Path f = file(line(0, 8, "[0,2]", "[5,1]"), line(1, 8, steps, losses));
    assertThatThrownBy(() -> CompressionCurve.read(f))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("curves.jsonl line 2")
        .hasMessageContaining(rule);
  }

  @Test
  void aFileWithoutTheWholeModelIsRefused() throws Exception {
    Path f = file(line(1, 8, "[0,2]", "[5,1]"));
    assertThatThrownBy(() -> CompressionCurve.read(f))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("kept 0");
    assertThatThrownBy(() -> CompressionCurve.read(folder.resolve("none")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("no such file");
  }
}
