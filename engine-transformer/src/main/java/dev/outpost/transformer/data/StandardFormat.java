package dev.outpost.transformer.data;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Examples by the fields that most data sets use. */
record StandardFormat(@Nullable ChatTemplate template) implements ExampleFormat {
  @Override
  public Example read(JsonObject line) throws FormatException {
    if (line.has("messages")) return chat(line);
    if (line.has("prompt") || line.has("completion"))
      return Example.of(line.string("prompt"), filled(line, "completion"));
    if (line.has("choices")) return choice(line);
    if (line.has("text")) return Example.text(filled(line, "text"));
    throw line.wrong(
        "text",
        "is missing, as are prompt + completion, messages, and question + choices + answer, one of"
            + " which a line must have; it has "
            + line.names()
            + "; rename its fields");
  }

  private static String filled(JsonObject line, String field) throws FormatException {
    String s = line.string(field);
    if (s.isEmpty()) throw line.wrong(field, "must not be empty; remove the line");
    return s;
  }

  private static Example choice(JsonObject line) throws FormatException {
    List<String> choices = line.strings("choices");
    if (choices.isEmpty()) throw line.wrong("choices", "must hold at least one; add the answers");
    int answer = line.integer("answer", 0, choices.size() - 1);
    return Example.of(line.string("question"), " " + choices.get(answer));
  }

  /** The assistant's turns are learned, with what the template puts behind them. */
  private Example chat(JsonObject line) throws FormatException {
    if (template == null)
      throw line.wrong(
          "messages", "needs a chat template, and the model has none; give prompt and completion");
    List<ChatMessage> turns = new ArrayList<>();
    for (JsonObject m : line.objects("messages"))
      turns.add(new ChatMessage(m.string("role"), m.string("content")));
    if (turns.stream().noneMatch(t -> t.role().equals("assistant")))
      throw line.wrong(
          "messages", "must hold a turn whose role is assistant, from which to learn; add one");
    List<Example.Part> parts = new ArrayList<>();
    String done = "";
    for (int i = 0; i < turns.size(); i++) {
      if (!turns.get(i).role().equals("assistant")) continue;
      String before = rendered(line, turns.subList(0, i), true);
      String after = rendered(line, turns.subList(0, i + 1), false);
      parts.add(new Example.Part(added(line, done, before), false));
      parts.add(new Example.Part(added(line, before, after), true));
      done = after;
    }
    return new Example(parts, true, false);
  }

  private String rendered(JsonObject line, List<ChatMessage> turns, boolean answerFollows)
      throws FormatException {
    if (template == null) throw new IllegalStateException("checked by the caller");
    try {
      return template.render(turns, answerFollows);
    } catch (IllegalArgumentException e) {
      throw line.wrong("messages", "do not fit the model's chat template: " + e.getMessage());
    }
  }

  private static String added(JsonObject line, String before, String after) throws FormatException {
    if (after.startsWith(before)) return after.substring(before.length());
    throw line.wrong(
        "messages",
        "are rendered by the chat template in a way that changes earlier turns when later ones"
            + " come, so what to learn is not known; cut the conversation after its first answer");
  }
}
