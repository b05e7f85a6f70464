package dev.outpost.transformer.data;

import java.util.List;

/** How a model was taught to see a conversation: turns in, one text out. */
@FunctionalInterface
public interface ChatTemplate {
  /**
   * The text of a conversation, special tokens spelled out.
   *
   * @param answerFollows whether the text ends where the assistant's answer begins
   * @throws IllegalArgumentException when the turns do not fit the template
   */
  String render(List<ChatMessage> turns, boolean answerFollows);

  /** {@code <|im_start|>role … <|im_end|>}, as Qwen, SmolLM and many others were tuned with. */
  static ChatTemplate chatMl() {
    return (turns, answerFollows) -> {
      StringBuilder text = new StringBuilder();
      for (ChatMessage m : turns)
        text.append("<|im_start|>")
            .append(m.role())
            .append('\n')
            .append(m.content())
            .append("<|im_end|>\n");
      if (answerFollows) text.append("<|im_start|>assistant\n");
      return text.toString();
    };
  }
}
