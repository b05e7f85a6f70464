package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.hub.HubServer;
import dev.outpost.transformer.hub.HubServer.Fault;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code outpost pull}, and models named as the hub names them. */
final class PullCommandTest {
  @TempDir Path home;
  private HubServer server;
  private Path cache;

  @BeforeEach
  void serve() throws Exception {
    server = new HubServer();
    server.put("someone/tiny", Parties.model(home.resolve("model"), 1));
    cache = home.resolve("cache");
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private List<Object> pull(Object... more) {
    List<Object> words = new ArrayList<>(List.of("pull", "someone/tiny"));
    words.addAll(List.of("--cache", cache, "--endpoint", server.endpoint()));
    words.addAll(List.of(more));
    return words;
  }

  @Test
  void saysWhereTheModelIs() throws Exception {
    Shell.Outcome o = Shell.ok(pull().toArray());
    Path folder = Path.of(o.out().strip());
    assertThat(folder.resolve("model.safetensors"))
        .hasSameBinaryContentAs(home.resolve("model/model.safetensors"));
    assertThat(o.err()).contains("someone/tiny: ", "  config.json", "files, ").contains("came now");
    JsonObject found = Shell.ok("inspect", folder, "--json").result();
    assertThat(found.string("family")).isEqualTo("gpt2");
    assertThat(found.object("dtypes").integer("F32")).isEqualTo(found.integer("parameters"));
    assertThat(found.integer("tokens")).isEqualTo(found.integer("vocabulary"));
    assertThat(found.bool("chat_template", true)).isFalse();
    assertThat(found.object("files").integer("model.safetensors"))
        .isEqualTo(Files.size(home.resolve("model/model.safetensors")));
    Shell.Outcome again = Shell.ok(pull("--offline", "--quiet").toArray());
    assertThat(again.out()).isEqualTo(o.out());
    assertThat(again.err()).isEmpty();
  }

  @Test
  void speaksJson() throws Exception {
    Shell.Outcome o = Shell.ok(pull("--json").toArray());
    assertThat(o.lines())
        .extracting(l -> l.string("event"))
        .startsWith("planned")
        .endsWith("result");
    JsonObject r = o.result();
    assertThat(r.string("model")).isEqualTo("someone/tiny");
    assertThat(Path.of(r.string("path"))).isDirectory();
    assertThat(r.integer("fetched_bytes")).isEqualTo(r.integer("bytes")).isPositive();
  }

  @Test
  void takesWhatIsAskedFor() throws Exception {
    Path folder =
        Path.of(
            Shell.ok(pull("--include", "*.json", "--exclude", "vocab.json").toArray())
                .out()
                .strip());
    assertThat(Parties.files(folder))
        .contains("config.json")
        .doesNotContain("vocab.json", "model.safetensors");
  }

  @Test
  void refusalsAreOneLine() {
    server.misbehave(
        "/api/models/someone/tiny/revision/main", Fault.status(403, "X-Error-Code", "GatedRepo"));
    Shell.Outcome o = Shell.run(pull().toArray());
    assertThat(o.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err().strip().lines())
        .singleElement()
        .asString()
        .contains("accept the conditions at");
    assertThat(Shell.run("pull", "gpt2").err()).contains("owner/name");
    assertThat(Shell.run("pull", "a/b", "--endpoint", "nowhere").code())
        .isEqualTo(ExitCode.REFUSED);
    assertThat(Shell.run("pull", "a/b", "--cache", cache, "--offline").err())
        .contains("switched off");
  }

  @Test
  void aPulledModelIsKnownByItsName() throws Exception {
    Shell.Outcome before = child("generate", "--model", "someone/tiny", "--prompt", "the");
    assertThat(before.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(before.err()).contains("outpost pull someone/tiny");
    assertThat(child("pull", "someone/tiny").code()).isEqualTo(ExitCode.OK);
    Shell.Outcome o =
        child("generate", "--model", "someone/tiny", "--prompt", "the", "--max-tokens", "3");
    assertThat(o.code()).as(o.err()).isEqualTo(ExitCode.OK);
    assertThat(o.out()).startsWith("the");
  }

  /** Another process, in which the environment names cache and hub. */
  private Shell.Outcome child(String... words) throws Exception {
    List<String> line =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    line.addAll(List.of(words));
    Path out = home.resolve("out");
    Path err = home.resolve("err");
    ProcessBuilder p =
        new ProcessBuilder(line).redirectOutput(out.toFile()).redirectError(err.toFile());
    p.environment().keySet().removeIf(k -> k.startsWith("HF_"));
    p.environment().put("HF_HUB_CACHE", cache.toString());
    p.environment().put("HF_ENDPOINT", server.endpoint().toString());
    int code = p.start().waitFor();
    return new Shell.Outcome(code, Files.readString(out), Files.readString(err));
  }
}
