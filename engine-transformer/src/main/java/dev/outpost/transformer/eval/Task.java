package dev.outpost.transformer.eval;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.data.Example;
import dev.outpost.transformer.data.ExampleFormat;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A benchmark as data: how its documents become questions or texts, and what is measured. Written
 * as JSON:
 *
 * <pre>{@code
 * {"task": "piqa", "kind": "multiple_choice", "context": "Question: {{goal}}\nAnswer:",
 *  "choices": ["{{sol1}}", "{{sol2}}"], "answer": "label", "metrics": ["acc", "acc_norm"]}
 * }</pre>
 */
public final class Task implements ExampleFormat {
  private static final Set<String> FIELDS =
      Set.of(
          "task",
          "kind",
          "about",
          "prepare",
          "context",
          "choices",
          "answer",
          "text",
          "original",
          "delimiter",
          "metrics",
          "labels_file");

  private final String name;
  private final Preparation preparation;
  private final Template context;
  private final List<Template> choices;
  private final @Nullable String choicesField;
  private final @Nullable Answer answer;
  private final String original;
  private final String delimiter;
  private final List<Metric> metrics;
  private final @Nullable String labelsFile;

  /**
   * Reads a task.
   *
   * @throws FormatException naming the field and the rule
   */
  public Task(JsonObject json) throws FormatException {
    for (String field : json.names())
      if (!FIELDS.contains(field))
        throw json.wrong(field, "is none of a task's fields " + FIELDS.stream().sorted().toList());
    name = json.string("task");
    preparation = Preparation.named(json);
    metrics = metrics(json);
    delimiter = json.optionalString("delimiter").orElse(" ");
    labelsFile = json.optionalString("labels_file").orElse(null);
    switch (json.string("kind")) {
      case "multiple_choice" -> {
        context = Template.parse(json, "context", json.string("context"));
        choices = new ArrayList<>();
        if (json.value("choices") instanceof String path) {
          choicesField = path;
        } else {
          choicesField = null;
          for (String c : json.strings("choices")) choices.add(Template.parse(json, "choices", c));
          if (choices.isEmpty()) throw json.wrong("choices", "must not be empty");
        }
        answer = Answer.read(json);
        original = "";
      }
      case "text" -> {
        context = Template.parse(json, "text", json.string("text"));
        original = json.string("original");
        choices = List.of();
        choicesField = null;
        answer = null;
      }
      default ->
          throw json.wrong("kind", "must be multiple_choice or text, got " + json.string("kind"));
    }
  }

  private static List<Metric> metrics(JsonObject json) throws FormatException {
    boolean ofText = json.string("kind").equals("text");
    List<Metric> known = new ArrayList<>();
    for (Metric m : Metric.values()) if (m.isOfText() == ofText) known.add(m);
    List<Metric> out = new ArrayList<>();
    for (String s : json.strings("metrics"))
      out.add(
          known.stream()
              .filter(m -> m.key().equals(s))
              .findFirst()
              .orElseThrow(() ->
                  json.wrong(
                      "metrics",
                      "must be of " + known.stream().map(Metric::key).toList() + ", got " + s)));
    if (out.isEmpty()) throw json.wrong("metrics", "must not be empty");
    return List.copyOf(out);
  }

  /** Its name, such as {@code piqa}. */
  public String name() {
    return name;
  }

  /** What is measured. */
  public List<Metric> metrics() {
    return metrics;
  }

  /** What stands between a context and a choice. */
  public String delimiter() {
    return delimiter;
  }

  /** Whether its documents are texts, which a raw text file may hold. */
  boolean isOfText() {
    return answer == null;
  }

  /** What the name of a file of labels beside the data ends with, if the data set has one. */
  @Nullable String labelsFile() {
    return labelsFile;
  }

  /**
   * What a document asks.
   *
   * @throws FormatException naming the document's source, the field, the rule and the cure
   */
  public Item item(JsonObject document) throws FormatException {
    preparation.apply(document);
    if (answer == null) {
      String whole = Template.text(document, original);
      return new Item.Page(
          context.render(document),
          Wikitext.words(whole),
          whole.getBytes(StandardCharsets.UTF_8).length);
    }
    String question = context.render(document);
    List<String> options = new ArrayList<>();
    if (choicesField != null) options.addAll(Template.texts(document, choicesField));
    for (Template t : choices) options.add(t.render(document));
    if (options.isEmpty()) throw document.wrong(String.valueOf(choicesField), "must not be empty");
    for (String o : options)
      if (o.isEmpty())
        throw document.wrong(
            choicesField == null ? "choices" : choicesField,
            "holds an empty choice; remove the line");
    return new Item.Question(question, options, answer.of(document, options.size()));
  }

  /** A document to train on: the context is read, the first right choice is learned. */
  @Override
  public Example read(JsonObject document) throws FormatException {
    return switch (item(document)) {
      case Item.Page p -> Example.text(p.text());
      case Item.Question q -> Example.of(q.context(), delimiter + q.choices().get(first(q)));
    };
  }

  /** The first right choice. */
  static int first(Item.Question q) {
    return q.right().stream().mapToInt(Integer::intValue).min().orElseThrow();
  }
}
