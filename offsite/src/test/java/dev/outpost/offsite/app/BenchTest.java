package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tiny runs: what a result carries. How fast it was is nobody's business here. */
final class BenchTest {
  @TempDir Path dir;

  private static void comesFromSomewhere(JsonObject row, String bench) throws Exception {
    assertThat(row.string("bench")).isEqualTo(bench);
    for (String field : List.of("name", "commit", "cpu", "jdk", "flags", "kernels", "unit"))
      assertThat(row.string(field)).as(field).isNotNull();
    assertThat(row.string("kernels")).startsWith("vector-");
    assertThat(row.string("jdk")).startsWith("25");
    double median = number(row, "median");
    assertThat(number(row, "worst")).isLessThanOrEqualTo(median);
    assertThat(number(row, "best")).isGreaterThanOrEqualTo(median);
  }

  private static double number(JsonObject row, String field) throws Exception {
    double x = row.number(field, Double.NaN);
    assertThat(x).as(field).isPositive().isFinite();
    return x;
  }

  @Test
  void aProductStandsBesideThePeak() throws Exception {
    List<JsonObject> rows =
        Shell.ok(
                "bench",
                "kernels",
                "--only",
                "gemm-512-nn",
                "--rounds",
                1,
                "--threads",
                2,
                "--json")
            .lines();
    assertThat(rows).hasSize(2);
    assertThat(rows.get(0).integer("threads")).isEqualTo(1);
    assertThat(rows.get(1).integer("threads")).isEqualTo(2);
    for (JsonObject row : rows) {
      comesFromSomewhere(row, "kernels");
      assertThat(row.string("name")).isEqualTo("gemm-512-nn");
      assertThat(row.string("shape")).isEqualTo("512x512x512");
      assertThat(row.string("layout")).isEqualTo("NN");
      assertThat(number(row, "gflops")).isEqualTo(number(row, "median"));
      assertThat(number(row, "fraction_of_peak"))
          .isEqualTo(number(row, "gflops") / number(row, "peak_gflops"));
      assertThat(row.string("unit")).isEqualTo("GFLOP/s");
    }
  }

  @Test
  void aRowKernelStandsBesideTheBandwidth() throws Exception {
    List<JsonObject> rows =
        Shell.ok(
                "bench",
                "kernels",
                "--only",
                "layernorm,layernorm-b,gath",
                "--rounds",
                2,
                "--threads",
                1,
                "--json")
            .lines();
    assertThat(rows).hasSize(3);
    for (JsonObject row : rows) {
      comesFromSomewhere(row, "kernels");
      assertThat(number(row, "fraction_of_bandwidth"))
          .isEqualTo(
              number(row, "gigabytes_per_second") / number(row, "bandwidth_gigabytes_per_second"));
      assertThat(row.string("shape")).isEqualTo("4096x768");
      number(row, "ms");
    }
  }

  @Test
  void aStepTellsItsSpeedAndItsMemory() throws Exception {
    Path model = Parties.model(dir.resolve("model"), 2);
    List<JsonObject> rows =
        Shell.ok("bench", "step", "--model", model, "--rounds", 2, "--json").lines();
    assertThat(rows).extracting(r -> r.string("mode")).contains("full", "lora-r8");
    long full = 0;
    for (JsonObject row : rows) {
      comesFromSomewhere(row, "step");
      assertThat(row.string("model")).isEqualTo("model");
      assertThat(number(row, "tokens_per_second")).isEqualTo(number(row, "median"));
      assertThat(row.integer("peak_bytes"))
          .isEqualTo(
              row.integer("parameter_bytes")
                  + row.integer("optimizer_bytes")
                  + row.integer("workspace_peak_bytes"));
      assertThat(row.integer("optimizer_bytes")).isPositive();
      assertThat(row.integer("allocated_bytes_per_step")).isNotNegative();
      if (row.string("mode").equals("full")) {
        full = row.integer("peak_bytes");
        assertThat(row.integer("optimizer_bytes")).isEqualTo(2 * row.integer("parameter_bytes"));
      } else {
        assertThat(row.integer("peak_bytes")).isLessThan(full);
      }
    }
  }

  @Test
  void thePapersTableIsRunOnItsOwnModels() {
    Shell.Outcome r = Shell.run("bench", "paper", "--only", "nothing");
    assertThat(r.code()).isEqualTo(2);
    assertThat(r.err())
        .contains("gpt2-medium-full-1x512", "gpt2-xl-emulator-2+16+2-lora-r8-1x512")
        .doesNotContain("gpt2-xl-full");
    assertThat(Shell.run("bench", "paper", "--model", dir).code()).isEqualTo(2);
  }

  @Test
  void generationTellsWhatItReads() throws Exception {
    Path model = Parties.model(dir.resolve("model"), 2);
    List<JsonObject> rows =
        Shell.ok("bench", "decode", "--model", model, "--rounds", 1, "--json").lines();
    assertThat(rows)
        .extracting(r -> r.string("name"))
        .containsExactly("prefill-model", "decode-model");
    for (JsonObject row : rows) {
      comesFromSomewhere(row, "decode");
      number(row, "tokens_per_second");
    }
    JsonObject decode = rows.get(1);
    assertThat(number(decode, "gigabytes_per_second"))
        .isEqualTo(number(decode, "tokens_per_second") * decode.integer("weight_bytes") / 1e9);
    assertThat(number(decode, "fraction_of_bandwidth")).isLessThan(10);
  }

  @Test
  void peopleGetATable() {
    Shell.Outcome o =
        Shell.ok("bench", "kernels", "--only", "sum-rows", "--rounds", 1, "--threads", 1);
    assertThat(o.out().lines().toList()).hasSize(2);
    assertThat(o.out()).contains("median", "sum-rows", "4096x3072", "GB/s", " %");
    assertThat(o.err()).contains("-bit vectors");
    assertThat(Shell.ok("bench", "kernels", "--only", "sum-rows", "--rounds", 1, "-q").err())
        .isEmpty();
  }

  @Test
  void whatCannotBeMeasuredIsSaid() {
    misused(
        "--only: nothing here is named \"gem\u00fcse\"; there are: gemm-512-nn, ",
        "kernels",
        "--only",
        "gem\u00fcse");
    misused("full-4x128", "step", "--only", "gemm");
    misused("decode-bf16", "decode", "--only", "q9");
    misused("prefill-smollm-q8_0, decode-smollm-q8_0", "decode", "--only", "q9");
    misused("--rounds: must be between 1 and 1000, got 0", "kernels", "--rounds", 0);
    misused("--model: kernels are measured without a model", "kernels", "--model", dir);
    misused("WHAT", "everything");
    misused("WHAT");
    misused("--threads", "kernels", "--threads", "x");
    Shell.Outcome o = Shell.run("bench", "step", "--model", dir.resolve("absent"));
    assertThat(o.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains("absent: no such folder");
  }

  private static void misused(String message, Object... words) {
    Object[] all = new Object[words.length + 1];
    all[0] = "bench";
    System.arraycopy(words, 0, all, 1, words.length);
    Shell.Outcome o = Shell.run(all);
    assertThat(o.code()).as(o.err()).isEqualTo(ExitCode.USAGE);
    assertThat(o.err()).contains(message);
    assertThat(o.out()).isEmpty();
  }
}
