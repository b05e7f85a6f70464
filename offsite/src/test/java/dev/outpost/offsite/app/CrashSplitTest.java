package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code emulate --split crash:…}: the adapter is where the clusters of the text say. */
class CrashSplitTest {
  @TempDir Path dir;
  private Path model;
  private Path text;

  @BeforeEach
  void prepare() throws Exception {
    model = Parties.model(dir.resolve("model"), 8, 1);
    text = Parties.text(dir.resolve("public.txt"), Parties.PUBLIC);
  }

  private Object[] emulate(Path out, Object... more) {
    Object[] words = {"emulate", "--model", model, "--out", out, "--block", 16, "--json"};
    return Stream.concat(Stream.of(words), Stream.of(more)).toArray();
  }

  @Test
  void thePackageTellsTheCutByIndicesAndCanBeMadeAgainWithoutText() throws Exception {
    Path pack = dir.resolve("package");
    JsonObject made = Shell.ok(emulate(pack, "--split", "crash:5,2", "--corpus", text)).result();
    assertThat(made.strings("slots")).hasSize(8);
    JsonObject found = Shell.ok("inspect", pack, "--json").result();
    assertThat(found.strings("adapter_slots")).hasSize(2);
    JsonObject recipe = found.object("recipe");
    JsonObject step = recipe.objects("steps").getFirst();
    assertThat(recipe.string("split")).matches("[0-7],[0-7]");
    assertThat(step.string("step")).isEqualTo("crash");
    assertThat((List<?>) step.value("blocks")).hasSize(3);

    Path again = dir.resolve("again");
    Path file =
        Parties.text(
            dir.resolve("recipe.json"),
            JsonObject.create()
                .put("split", recipe.string("split"))
                .put("steps", List.of(step))
                .toText());
    Shell.ok("emulate", "--model", model, "--out", again, "--recipe", file);
    assertThat(Files.readAllBytes(again.resolve("model.safetensors")))
        .isEqualTo(Files.readAllBytes(pack.resolve("model.safetensors")));
  }

  @Test
  void whatIsWrongIsTold() {
    Path out = dir.resolve("out");
    refuses("reads public text", emulate(out, "--split", "crash:5,2"));
    refuses("such as crash:12,4", emulate(out, "--split", "crash:5", "--corpus", text));
    refuses("9 clusters of 8 blocks", emulate(out, "--split", "crash:9,2", "--corpus", text));
    refuses(
        "CRaSh does not train",
        emulate(out, "--split", "crash:5,2", "--corpus", text, "--kd-weight", 1));
    assertThat(out).doesNotExist();
  }

  private static void refuses(String message, Object... words) {
    Shell.Outcome o = Shell.run(words);
    assertThat(o.code()).as(o.err()).isEqualTo(ExitCode.REFUSED);
    assertThat(o.err()).contains(message).doesNotContain("\tat ");
  }
}
