package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.peft.PeftMethod;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;

/** {@code tune --method}, and what becomes of each method's adapter. */
class TuneMethodsTest {
  static final List<String> METHODS = PeftMethod.NAMES;

  private static final Map<String, Object[]> SETTINGS =
      Map.of(
          "lora", new Object[] {"--rank", 2, "--targets", "attn.*", "--rank-stabilised"},
          "dora", new Object[] {"--rank", 2, "--alpha", 3, "--dropout", 0.1},
          "bottleneck", new Object[] {"--size", 3, "--targets", "down"},
          "prefix", new Object[] {"--tokens", 3},
          "prompt", new Object[] {"--tokens", 3},
          "ia3", new Object[] {"--targets", "qkv", "--input-targets", "mlp.down"},
          "bitfit", new Object[] {},
          "full", new Object[] {});

  @TempDir static Path dir;
  private static Path base;
  private static Path pack;
  private static Path text;

  @BeforeAll
  static void aPackage() throws IOException {
    text = Parties.text(dir.resolve("text.txt"), Parties.PRIVATE);
    pack = dir.resolve("package");
    base = Parties.model(dir.resolve("base"), 1);
    Shell.ok("emulate", "--model", base, "--split", "1-1-1", "--out", pack);
  }

  private static Object[] tune(Path out, Object... options) {
    Object[] words = {
      "tune",
      "--package",
      pack,
      "--corpus",
      text,
      "--out",
      out,
      "--steps",
      3,
      "--batch",
      1,
      "--json"
    };
    return Stream.concat(Stream.of(words), Stream.of(options)).toArray();
  }

  @ParameterizedTest
  @FieldSource("METHODS")
  void isTunedInspectedMeasuredUsedAndPluggedIn(String method) throws IOException {
    Path adapter = dir.resolve(method);
    Object[] settings = SETTINGS.get(method);
    Object[] named = {"--method", method, "--lr", 0.05};
    JsonObject tuned =
        Shell.ok(tune(adapter, Stream.concat(Stream.of(named), Stream.of(settings)).toArray()))
            .result();
    JsonObject found = Shell.ok("inspect", adapter, "--json").result();
    assertThat(found.string("method")).startsWith(method);
    assertThat(found.integer("parameters")).isEqualTo(tuned.integer("trainable_parameters"));

    Object[] measured = {"evaluate", "--corpus", text, "--json", "--block", 16, "--model", base};
    double before = Shell.ok(measured).result().number("perplexity", 0);
    Object[] with = Stream.concat(Stream.of(measured), Stream.of("--adapter", adapter)).toArray();
    double after = Shell.ok(with).result().number("perplexity", 0);
    assertThat(after).isPositive().isNotEqualTo(before);

    String want = said("--model", base, "--adapter", adapter);
    Path plugged = dir.resolve(method + "-plugged");
    Shell.Outcome plug = Shell.run("plug", "--model", base, "--adapter", adapter, "--out", plugged);
    if (List.of("bottleneck", "prefix", "prompt").contains(method)) {
      assertThat(plug.code()).isEqualTo(ExitCode.REFUSED);
      assertThat(plug.err()).contains("attached " + method, "--adapter", "lora");
      assertThat(plugged).doesNotExist();
    } else {
      assertThat(plug.code()).as(plug.err()).isEqualTo(ExitCode.OK);
      assertThat(said("--model", plugged)).isEqualTo(want);
    }

    Path peft = dir.resolve(method + "-peft");
    Shell.Outcome convert =
        Shell.run("convert", adapter, "--base", base, "--to", "peft", "--out", peft);
    if (List.of("lora", "dora", "ia3", "prompt").contains(method)) {
      assertThat(convert.code()).as(convert.err()).isEqualTo(ExitCode.OK);
      assertThat(said("--model", base, "--adapter", peft)).isEqualTo(want);
      assertThat(Shell.ok("inspect", peft, "--json").result().integer("parameters"))
          .isEqualTo(tuned.integer("trainable_parameters"));
    } else {
      // GPT-2's positions do not only turn; peft has no bottlenecks of this kind.
      assertThat(convert.code()).isEqualTo(ExitCode.REFUSED);
      assertThat(convert.err())
          .containsAnyOf("positions of a gpt2", "more than lora, dora, ia3, prompt or prefix");
      assertThat(peft).doesNotExist();
    }
  }

  private static String said(Object... of) {
    Object[] words = {
      "generate", "--prompt", "the", "--temperature", 0, "--quiet", "--max-tokens", 12
    };
    return Shell.ok(Stream.concat(Stream.of(words), Stream.of(of)).toArray()).out();
  }

  @ParameterizedTest
  @CsvSource({
    "--method lokr, must be one of",
    "--method full --rank 2, --rank: is no setting of full",
    "--method prefix --targets attn.q, --targets: is no setting of prefix",
    "--size 8, it belongs to --method bottleneck",
    "--method lora --targets attn.q, match no projection",
    "--method lora --targets (a+)+, is no name such as",
    "--method dora --rank 0, rank must be at least 1",
    "--method prompt --tokens 5000, leave nothing of the model's context",
    "--method dora --lora 2, leave out --method dora",
    "--lora 2 --rank 2, leave out --rank"
  })
  void settingsThatDoNotFitAreRefused(String options, String reason) {
    Path out = dir.resolve("none");
    Shell.Outcome o = Shell.run(tune(out, (Object[]) options.split(" ")));
    assertThat(o.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains(reason);
    assertThat(out).doesNotExist();
  }

  @Test
  void theMethodsAreListed() throws IOException {
    assertThat(Shell.ok("inspect", "methods", "--json").result().strings("peft"))
        .isEqualTo(PeftMethod.NAMES);
    assertThat(Shell.ok("tune", "--help").out()).contains(PeftMethod.NAMES);
  }
}
