package dev.outpost.transformer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class StandardFormatTest {
  private final Tokenizer tokenizer = Texts.tokenizer();

  private static Example read(@Nullable ChatTemplate template, String json) throws FormatException {
    return ExampleFormat.standard(template).read(JsonObject.parse("x.jsonl line 7", json));
  }

  /** The learned text, context as dots, one per character. */
  private String learned(Example e) {
    StringBuilder out = new StringBuilder();
    for (int t : new ExampleTokens(tokenizer).of(e)) {
      String s = tokenizer.decode(t & (Blocks.FIRST - 1));
      out.append(t < 0 ? ".".repeat(s.length()) : s);
    }
    return out.toString();
  }

  @Test
  void textIsLearnedWhole() throws FormatException {
    assertThat(learned(read(null, "{\"text\":\"The sky is\"}")))
        .isEqualTo("The sky is<|endoftext|>");
  }

  @Test
  void aPromptIsContext() throws FormatException {
    assertThat(learned(read(null, "{\"prompt\":\"The sky is\",\"completion\":\" blue\"}")))
        .isEqualTo(".......... blue<|endoftext|>");
  }

  @Test
  void aSpaceAtThePromptsEndIsLearnedWithTheCompletion() throws FormatException {
    Example e = read(null, "{\"prompt\":\"The sky is \",\"completion\":\"blue\"}");
    assertThat(learned(e)).isEqualTo(".......... blue<|endoftext|>");
    int[] together = tokenizer.encode("The sky is blue");
    assertThat(Arrays.stream(new ExampleTokens(tokenizer).of(e)).map(t -> t & (Blocks.FIRST - 1)))
        .startsWith(Arrays.stream(together).boxed().toArray(Integer[]::new));
  }

  @Test
  void theRightChoiceIsLearned() throws FormatException {
    assertThat(
            learned(
                read(
                    null,
                    "{\"question\":\"The sky is\",\"choices\":[\"what\",\"blue\"],\"answer\":1}")))
        .isEqualTo(".......... blue<|endoftext|>");
  }

  @Test
  void theAssistantsTurnsAreLearned() throws FormatException {
    String chat =
        """
        {"messages":[{"role":"user","content":"sky?"},{"role":"assistant","content":"blue"},
        {"role":"user","content":"is?"},{"role":"assistant","content":"blue!"}]}\
        """;
    String learned = learned(read(ChatTemplate.chatMl(), chat));
    assertThat(learned.replaceAll("[.]+", "_")).isEqualTo("_blue<|im_end|>\n_blue!<|im_end|>\n");
  }

  @Test
  void whatDoesNotFitIsRefusedWithItsLineAndTheCure() {
    assertRefused(null, "{\"a\":1}", "line 7", "prompt + completion", "it has [a]", "rename");
    assertRefused(null, "{\"prompt\":\"a\"}", "field completion", "missing");
    assertRefused(null, "{\"completion\":\"a\"}", "field prompt", "missing");
    assertRefused(null, "{\"prompt\":\"a\",\"completion\":\"\"}", "field completion", "empty");
    assertRefused(null, "{\"prompt\":\"a\",\"completion\":3}", "completion", "a string", "3");
    assertRefused(null, "{\"text\":\"\"}", "field text", "not be empty");
    assertRefused(null, "{\"messages\":[]}", "messages", "chat template", "prompt and completion");
    ChatTemplate ml = ChatTemplate.chatMl();
    assertRefused(ml, "{\"messages\":[]}", "role is assistant");
    assertRefused(ml, "{\"messages\":[{\"role\":\"assistant\"}]}", "messages[0]", "content");
    assertRefused(ml, "{\"messages\":\"hi\"}", "field messages", "list");
    ChatTemplate last = (turns, follows) -> turns.getLast().content() + turns.size();
    String two =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
            + "{\"role\":\"assistant\",\"content\":\"b\"}]}";
    assertRefused(last, two, "changes earlier turns", "cut the conversation");
    ChatTemplate refusing =
        (turns, follows) -> {
          throw new IllegalArgumentException("roles must alternate");
        };
    assertRefused(refusing, two, "messages", "do not fit", "roles must alternate");
    assertRefused(
        null, "{\"question\":\"q\",\"choices\":[\"a\"],\"answer\":1}", "answer", "between 0 and 0");
    assertRefused(null, "{\"question\":\"q\",\"choices\":[],\"answer\":0}", "choices", "at least");
  }

  private static void assertRefused(@Nullable ChatTemplate t, String json, String... words) {
    assertThatThrownBy(() -> read(t, json))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll(words);
  }
}
