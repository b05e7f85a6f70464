package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.io.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportCommandTest {
  @TempDir private static Path temporary;
  private static Path model;
  private static Path open;
  private static Path secret;

  @BeforeAll
  static void texts() throws Exception {
    model = Parties.model(temporary.resolve("model"), 1);
    open = Parties.text(temporary.resolve("public.txt"), Parties.PUBLIC);
    secret = Parties.text(temporary.resolve("private.txt"), Parties.PRIVATE + "the code is 4711. ");
  }

  private static Path pack(String split) {
    Path pack = temporary.resolve("package-" + split);
    Shell.ok("emulate", "--model", model, "--split", split, "--out", pack, "-q");
    return pack;
  }

  @Test
  void anEmulatorThatIsTheModelHidesNothing() throws Exception {
    JsonObject r =
        Shell.ok(
                "report",
                "--model",
                model,
                "--package",
                pack("1-2-1"),
                "--public",
                open,
                "--private",
                secret,
                "--block",
                12,
                "--probe-steps",
                2,
                "--json",
                "-q")
            .result();
    JsonObject weights = r.object("weights_shipped");
    assertThat(weights.object("share_of_parameters").number("verbatim", -1)).isEqualTo(1);
    assertThat(weights.number("energy_kept", -1)).isEqualTo(1);
    assertThat(r.objects("recovery_probe")).hasSize(1);
    assertThat(r.objects("recovery_probe").getFirst().value("share_of_gap_closed")).isNull();
    JsonObject five = r.object("five_numbers_nats");
    assertThat(five.number("emulator_zero_shot", -1)).isEqualTo(five.number("full_zero_shot", -2));
    assertThat(r.object("gradient_inversion").number("share", -1)).isGreaterThan(0.5);
  }

  @Test
  void aWholeReportIsAPageAndAFile() throws Exception {
    Path pack = pack("1-1-1");
    Path[] adapters = new Path[2];
    for (int seed = 0; seed < 2; seed++) {
      adapters[seed] = temporary.resolve("adapter-" + seed);
      Shell.ok(
          "tune",
          "--package",
          pack,
          "--corpus",
          secret,
          "--out",
          adapters[seed],
          "--lora",
          2,
          "--block",
          12,
          "--steps",
          6,
          "--batch",
          6,
          "--seed",
          seed,
          "-q",
          "--dp-noise",
          1,
          "--dp-seed",
          seed);
    }
    Path out = temporary.resolve("report");
    String page =
        Shell.ok(
                "report",
                "--model",
                model,
                "--package",
                pack,
                "--adapter",
                adapters[0],
                "--adapter",
                adapters[1],
                "--public",
                open,
                "--private",
                secret,
                "--block",
                12,
                "--probe-steps",
                "1,3",
                "--fine-tune-steps",
                2,
                "--canary",
                "the code is 4711",
                "--rows",
                40,
                "--out",
                out,
                "-q")
            .out();
    assertThat(page)
        .contains("full fine-tuned", "over 2 adapters", "absent", "Recovery: ")
        .contains("untouched model", "needs at least 1,000 rows", "before tuning", "of 1,000")
        .contains("one row of at most 12 tokens")
        .containsPattern("(?s)(Not covered:.*){7}");
    assertThat(Files.readString(out.resolve("report.txt"))).isEqualTo(page);
    JsonObject r = JsonObject.read(out.resolve("report.json"));
    assertThat(r.object("five_numbers_nats").integer("adapters")).isEqualTo(2);
    assertThat(r.object("five_numbers_nats").object("privacy_gap").value("standard_error"))
        .isNotNull();
    assertThat(r.objects("recovery_probe").stream().map(p -> p.value("steps")))
        .containsExactly(1L, 3L);
    List<JsonObject> attacks = r.objects("membership_inference");
    assertThat(attacks).hasSize(4);
    List<Double> each = new ArrayList<>();
    for (JsonObject one : attacks.get(3).objects("each")) each.add(one.number("auc", -1));
    assertThat(each).hasSize(2).doesNotHaveDuplicates();
    double mean = (each.get(0) + each.get(1)) / 2;
    assertThat(attacks.get(3).number("auc", -1)).isCloseTo(mean, within(1e-12));
    // Of two values the standard error is half their distance.
    assertThat(attacks.get(3).number("standard_error", -1))
        .isCloseTo(Math.abs(each.get(0) - each.get(1)) / 2, within(1e-12));
    assertThat(r.object("promises").names())
        .containsExactly(adapters[0].toString(), adapters[1].toString());
    assertThat(r.object("canary_exposure").object("the code is 4711").objects("after")).hasSize(2);
  }

  @Test
  void whatDoesNotBelongTogetherIsRefused() throws Exception {
    Path other = Parties.model(temporary.resolve("other"), 2);
    Path pack = pack("1-1-1");
    refused("is of base", List.of("--model", other, "--package", pack, "--public", open));
    refused(
        "--canary: needs",
        List.of("--model", model, "--package", pack, "--public", open, "--canary", "7"));
    refused(
        "--fine-tune-steps: needs",
        List.of("--model", model, "--package", pack, "--public", open, "--fine-tune-steps", 1));
    refused(
        "--probe-steps: must",
        List.of("--model", model, "--package", pack, "--public", open, "--probe-steps", "0,5"));
    refused(
        "--rows: must",
        List.of("--model", model, "--package", pack, "--public", open, "--rows", 0));
  }

  private static void refused(String reason, List<?> words) {
    Object[] all = new Object[words.size() + 1];
    all[0] = "report";
    for (int i = 0; i < words.size(); i++) all[i + 1] = words.get(i);
    Shell.Outcome o = Shell.run(all);
    assertThat(o.code()).as(o.err()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains(reason);
  }
}
