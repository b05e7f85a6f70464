package dev.outpost.transformer.eval;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.data.Whitespace;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Which of a document's choices are right. */
sealed interface Answer {
  /** The indices of the right choices, at least one. */
  Set<Integer> of(JsonObject document, int choices) throws FormatException;

  /** Always the same place. */
  record Fixed(int index) implements Answer {
    @Override
    public Set<Integer> of(JsonObject document, int choices) {
      return Set.of(index);
    }
  }

  /** Every choice is an accepted answer. */
  record All() implements Answer {
    @Override
    public Set<Integer> of(JsonObject document, int choices) {
      return IntStream.range(0, choices).boxed().collect(Collectors.toSet());
    }
  }

  /** A field with the index, a number or its digits. */
  record Index(String field) implements Answer {
    @Override
    public Set<Integer> of(JsonObject document, int choices) throws FormatException {
      String text = Template.text(document, field);
      try {
        int index = Integer.parseInt(text.strip());
        if (index >= 0 && index < choices) return Set.of(index);
      } catch (NumberFormatException e) {
        throw document.wrong(
            field, "must be the right choice's index, a whole number, got \"" + text + "\"");
      }
      throw document.wrong(
          field, "must be an index of the " + choices + " choices, from 0, got " + text);
    }
  }

  /** A field with a label, such as C, that stands in a list of labels. */
  record Label(String field, String labels) implements Answer {
    @Override
    public Set<Integer> of(JsonObject document, int choices) throws FormatException {
      String label = Whitespace.strip(Template.text(document, field));
      List<String> all = Template.texts(document, labels);
      int index = all.indexOf(label);
      if (index < 0 || index >= choices)
        throw document.wrong(
            field, "must be one of the labels in " + labels + ", " + all + ", got " + label);
      return Set.of(index);
    }
  }

  /** Reads a task's {@code answer}. */
  static Answer read(JsonObject task) throws FormatException {
    Object v = task.value("answer");
    if (v instanceof Long) return new Fixed(task.integer("answer", 0, 1000));
    if (v instanceof String s) return new Index(s);
    if (!(v instanceof Map))
      throw task.wrong(
          "answer", "must be an index, a field's name, {\"label\", \"in\"} or {\"all\": true}");
    JsonObject o = task.object("answer");
    if (o.bool("all", false)) return new All();
    return new Label(o.string("label"), o.string("in"));
  }
}
