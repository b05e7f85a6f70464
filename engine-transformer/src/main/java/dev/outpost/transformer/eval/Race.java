package dev.outpost.transformer.eval;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** RACE's articles with several questions each, as one question of four choices. */
final class Race {
  private static final String GAP = "  _  .";

  private Race() {}

  private record Problem(String question, List<String> options, int answer) {
    String right() {
      return options.get(answer);
    }
  }

  /** Puts {@code query}, {@code choices} and {@code label}. */
  static void apply(JsonObject d) throws FormatException {
    List<Problem> problems = problems(d);
    Problem asked = problems.removeLast();
    StringBuilder text = new StringBuilder("Article: " + d.string("article") + "\n\n");
    for (Problem p : problems) {
      String q = p.question;
      // A gap to fill keeps one of its spaces before the answer.
      if (q.endsWith(GAP))
        text.append(q, 0, q.length() - GAP.length() + 1).append(p.right()).append('\n');
      else text.append("Question: ").append(q).append("\nAnswer: ").append(p.right()).append('\n');
    }
    d.put("query", text.append(asked.question).toString());
    d.put("choices", asked.options);
    d.put("label", (long) asked.answer);
  }

  /**
   * From {@code problems}, a list or its Python text, or the original's {@code questions}, {@code
   * options} and {@code answers}.
   */
  private static List<Problem> problems(JsonObject d) throws FormatException {
    List<JsonObject> each = d.has("problems") ? listed(d) : original(d);
    if (each.isEmpty()) throw d.wrong("problems", "must hold a question; remove the line");
    List<Problem> out = new ArrayList<>();
    for (JsonObject p : each) {
      List<String> options = p.strings("options");
      String letter = p.string("answer");
      int answer = letter.length() == 1 ? "ABCD".indexOf(letter) : -1;
      if (options.size() != 4)
        throw d.wrong("options", "must be 4, got " + options.size() + "; remove the line");
      if (answer < 0) throw d.wrong("answer", "must be A, B, C or D, got " + letter);
      out.add(new Problem(p.string("question"), options, answer));
    }
    return out;
  }

  private static List<JsonObject> listed(JsonObject d) throws FormatException {
    if (!(d.value("problems") instanceof String text)) return d.objects("problems");
    try {
      d.put("problems", PythonLiteral.read(text));
    } catch (IllegalArgumentException e) {
      throw d.wrong("problems", "must be a list or a Python list as text: " + e.getMessage());
    }
    return d.objects("problems");
  }

  private static List<JsonObject> original(JsonObject d) throws FormatException {
    List<String> questions = d.strings("questions");
    List<String> answers = d.strings("answers");
    if (!(d.value("options") instanceof List<?> options)
        || options.size() != questions.size()
        || answers.size() != questions.size())
      throw d.wrong("options", "and answers must be as many as the questions");
    List<Map<String, Object>> problems = new ArrayList<>();
    for (int i = 0; i < questions.size(); i++) {
      Map<String, Object> p = new LinkedHashMap<>();
      p.put("question", questions.get(i));
      p.put("options", options.get(i));
      p.put("answer", answers.get(i));
      problems.add(p);
    }
    d.put("problems", problems);
    return d.objects("problems");
  }
}
