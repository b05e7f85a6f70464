package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.privacy.RdpAccountant;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tuning with differential privacy, from the command line. */
class PrivateTuneTest {
  @TempDir private static Path temporary;
  private static Path pack;
  private static Path text;

  @BeforeAll
  static void party() throws Exception {
    Path model = Parties.model(temporary.resolve("model"), 1);
    pack = temporary.resolve("package");
    Shell.ok("emulate", "--model", model, "--split", "1-1-1", "--out", pack, "-q");
    text = Parties.text(temporary.resolve("private.txt"), Parties.PRIVATE);
  }

  private Object[] tune(Path out, Object... more) {
    Object[] first = {
      "tune",
      "--package",
      pack,
      "--corpus",
      text,
      "--out",
      out,
      "--block",
      16,
      "--lora",
      2,
      "--steps",
      4,
      "--batch",
      6,
      "-q"
    };
    Object[] all = new Object[first.length + more.length];
    System.arraycopy(first, 0, all, 0, first.length);
    System.arraycopy(more, 0, all, first.length, more.length);
    return all;
  }

  private static JsonObject provenance(Path adapter) throws Exception {
    return JsonObject.read(adapter.resolve("manifest.json")).object("provenance");
  }

  @Test
  void whatIsGivenAwayStandsInTheAdapter() throws Exception {
    Path out = temporary.resolve("private");
    Shell.ok(tune(out, "--dp-epsilon", 3, "--dp-delta", 1e-4));
    JsonObject said = provenance(out);
    JsonObject p = said.object("privacy");
    assertThat(p.number("epsilon", -1)).isBetween(2.9, 3.0);
    assertThat(p.number("delta", -1)).isEqualTo(1e-4);
    assertThat(p.integer("steps")).isEqualTo(4);
    assertThat(p.string("sampling")).isEqualTo("poisson");
    double rate = 6.0 / p.integer("rows");
    assertThat(p.number("sampling_rate", -1)).isCloseTo(rate, within(1e-12));
    assertThat(RdpAccountant.USUAL.spent(rate, p.number("noise", -1), 4, 1e-4).epsilon())
        .isEqualTo(p.number("epsilon", -1));
    // Nothing beside it that was computed of private rows without noise.
    assertThat(said.has("data_sha256")).isFalse();
    assertThat(said.has("emulator_perplexity")).isFalse();
    assertThat(said.string("data_commitment")).hasSize(64);
    Path secret = temporary.resolve("private.training/dp.secret");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(secret)))
        .isEqualTo("rw-------");
    String told = Files.readString(out.resolve("manifest.json"));
    assertThat(told).doesNotContain(Files.readString(secret).strip());
    assertThat(Parties.files(out)).containsExactly("adapter.safetensors", "manifest.json");
  }

  @Test
  void aGivenSeedRepeatsItselfAndAFreshSecretDoesNot() throws Exception {
    byte[][] made = new byte[4][];
    for (int i = 0; i < 4; i++) {
      Path out = temporary.resolve("run-" + i);
      if (i < 2) Shell.ok(tune(out, "--dp-noise", 1.1, "--dp-seed", 5));
      else Shell.ok(tune(out, "--dp-noise", 1.1));
      made[i] = Files.readAllBytes(out.resolve("adapter.safetensors"));
    }
    assertThat(made[1]).isEqualTo(made[0]);
    assertThat(made[2]).isNotEqualTo(made[0]);
    assertThat(made[3]).isNotEqualTo(made[2]);
    assertThat(provenance(temporary.resolve("run-0")).object("privacy").string("noise_from"))
        .contains("seed");
    assertThat(Files.readString(temporary.resolve("run-0/manifest.json")))
        .doesNotContain("dp_seed");
  }

  @Test
  void badSettingsAreRefusedWithTheCure() {
    Path out = temporary.resolve("refused");
    refused("need --dp-epsilon or --dp-noise", tune(out, "--dp-clip", 1));
    refused("takes the place of", tune(out, "--dp-epsilon", 1, "--dp-noise", 1));
    refused("one row in full", tune(out, "--dp-epsilon", 1, "--dp-delta", 0.5));
    refused(
        "smaller batch", tune(out, "--dp-epsilon", 1, "--dp-delta", 1e-4, "--accumulate", 5000));
    refused("epsilon must be above 0", tune(out, "--dp-epsilon", -1));
    refused("noise must be above 0", tune(out, "--dp-noise", 0));
    refused("clip must be above 0", tune(out, "--dp-noise", 1, "--dp-clip", 0));
  }

  private static void refused(String reason, Object... words) {
    Shell.Outcome o = Shell.run(words);
    assertThat(o.code()).as(o.err()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains(reason);
  }
}
