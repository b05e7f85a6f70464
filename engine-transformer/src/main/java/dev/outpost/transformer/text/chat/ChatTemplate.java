package dev.outpost.transformer.text.chat;

import dev.outpost.tensor.io.FormatException;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.TextStyle;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a model's family writes a conversation as text: the Jinja template of its tokenizer files,
 * rendered as transformers renders it. A template reaches only what it is given, and is stopped
 * when it takes too long or writes too much.
 */
public final class ChatTemplate {
  private static final int LONGEST = 1 << 20;
  private final List<Node> template;
  private final Map<String, String> specialTokens;

  private ChatTemplate(List<Node> template, Map<String, String> specialTokens) {
    this.template = template;
    this.specialTokens = Map.copyOf(specialTokens);
  }

  /**
   * One turn of a conversation.
   *
   * @param role who speaks: {@code system}, {@code user}, {@code assistant}
   */
  public record Message(String role, String content) {
    /** What the user says. */
    public static Message user(String content) {
      return new Message("user", content);
    }

    /** What the model is told beforehand. */
    public static Message system(String content) {
      return new Message("system", content);
    }
  }

  /**
   * Reads a template.
   *
   * @param specialTokens by their names in a template, such as {@code bos_token}
   * @throws FormatException if it is no template, or uses more of Jinja than is known here
   */
  public static ChatTemplate of(String template, Map<String, String> specialTokens)
      throws FormatException {
    if (template.length() > LONGEST) {
      throw new FormatException(
          "chat template: has " + template.length() + " characters; at most " + LONGEST);
    }
    try {
      return new ChatTemplate(new Parser(template).template(), specialTokens);
    } catch (TemplateException e) {
      throw new FormatException("chat template: " + e.getMessage(), e);
    }
  }

  /**
   * A conversation as text.
   *
   * @param answer whether the text ends where the model's answer begins
   * @throws IllegalArgumentException if the template refuses the conversation, such as one whose
   *     roles do not alternate, or fails
   */
  public String render(List<Message> messages, boolean answer) {
    List<Map<String, Object>> plain = new ArrayList<>();
    for (Message m : messages) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("role", m.role());
      fields.put("content", m.content());
      plain.add(fields);
    }
    return render(plain, answer, Map.of(), LocalDateTime.now(ZoneId.systemDefault()));
  }

  /**
   * @param messages fields as JSON has them: String, Long, Double, Boolean, List, Map, null
   * @param more other variables, such as {@code tools}
   * @param now what the template takes for the present
   */
  String render(
      List<? extends Map<String, ?>> messages,
      boolean answer,
      Map<String, ?> more,
      LocalDateTime now) {
    Map<String, @Nullable Object> variables = new HashMap<>(specialTokens);
    variables.put("messages", messages);
    variables.put("tools", null);
    variables.put("documents", null);
    variables.put("add_generation_prompt", answer);
    variables.put(
        "strftime_now",
        (Values.Function)
            (List<@Nullable Object> p, Map<String, @Nullable Object> n) ->
                date(new Builtins.Given(p, n).text(0, "format", ""), now));
    variables.putAll(more);
    try {
      return new Evaluator(variables).render(template);
    } catch (TemplateException e) {
      throw new IllegalArgumentException("chat template: " + e.getMessage(), e);
    }
  }

  private static String date(String format, LocalDateTime now) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        out.append(c);
        continue;
      }
      switch (format.charAt(++i)) {
        case 'd' -> out.append(two(now.getDayOfMonth()));
        case 'm' -> out.append(two(now.getMonthValue()));
        case 'y' -> out.append(two(now.getYear() % 100));
        case 'Y' -> out.append(now.getYear());
        case 'b' -> out.append(now.getMonth().getDisplayName(TextStyle.SHORT, Locale.ENGLISH));
        case 'B' -> out.append(now.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH));
        case 'a' -> out.append(now.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH));
        case 'A' -> out.append(now.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH));
        case 'H' -> out.append(two(now.getHour()));
        case 'M' -> out.append(two(now.getMinute()));
        case 'S' -> out.append(two(now.getSecond()));
        case '%' -> out.append('%');
        default ->
            throw new TemplateException("strftime_now: %" + format.charAt(i) + " is not supported");
      }
    }
    return out.toString();
  }

  private static String two(int n) {
    return n < 10 ? "0" + n : String.valueOf(n);
  }
}
