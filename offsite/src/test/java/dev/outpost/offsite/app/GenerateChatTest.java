package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code generate --chat}. */
final class GenerateChatTest {
  private static final String TEMPLATE =
      "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}"
          + "{% if add_generation_prompt %}[assistant]{% endif %}";

  @TempDir Path dir;
  private Path model;

  @BeforeEach
  void aModel() throws Exception {
    model = Parties.model(dir.resolve("model"), 1, 160, 3);
  }

  private void withTemplate(String template) throws IOException {
    Path file = model.resolve("tokenizer_config.json");
    JsonObject.read(file).put("chat_template", template).write(file);
  }

  private JsonObject generated(Object... more) {
    Object[] words = {"generate", "--model", model, "--temperature", 0, "--max-tokens", 8};
    Object[] all = Arrays.copyOf(words, words.length + more.length);
    System.arraycopy(more, 0, all, words.length, more.length);
    return Shell.ok(all).result();
  }

  @Test
  void theTemplateFramesWhatIsSaid() throws Exception {
    withTemplate(TEMPLATE);
    JsonObject chat =
        generated("--chat", "--system", "be small", "--prompt", "keep the text", "--json");
    JsonObject spelled =
        generated("--prompt", "[system] be small\n[user] keep the text\n[assistant]", "--json");
    JsonObject bare = generated("--prompt", "keep the text", "--json");
    assertThat(chat.string("text")).isEqualTo(spelled.string("text")).isNotEmpty();
    assertThat(chat.string("text")).isNotEqualTo(bare.string("text"));
    assertThat(chat.string("prompt")).isEqualTo("keep the text");
    Shell.Outcome plain =
        Shell.ok(
            "generate", "--model", model, "--chat", "--prompt", "keep the text", "--max-tokens", 4);
    assertThat(plain.out()).as("an answer, not the question again").doesNotContain("keep the text");
  }

  @Test
  void whatCannotBeAChatIsRefused() throws Exception {
    Shell.Outcome none = Shell.run("generate", "--model", model, "--chat", "--prompt", "x");
    assertThat(none.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(none.err()).contains("--chat: the model has no chat template", "without --chat");
    withTemplate("{{ raise_exception('only about the weather') }}");
    Shell.Outcome raised = Shell.run("generate", "--model", model, "--chat", "--prompt", "x");
    assertThat(raised.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(raised.err()).contains("--chat: ", "only about the weather");
    Shell.Outcome system =
        Shell.run("generate", "--model", model, "--system", "s", "--prompt", "x");
    assertThat(system.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(system.err()).contains("--system: goes with --chat only");
  }
}
