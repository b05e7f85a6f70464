package dev.outpost.transformer.eval;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.data.Whitespace;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * What a data set's documents need before a task's templates fit: fields computed from others, and
 * the original download's layout turned into the one that hubs store.
 */
enum Preparation {
  /** As it stands. */
  NONE {
    @Override
    void apply(JsonObject d) {}
  },
  /** OpenBookQA: {@code question.stem} and its choices become {@code question_stem}. */
  OPENBOOKQA {
    @Override
    void apply(JsonObject d) throws FormatException {
      if (!(d.value("question") instanceof String) && d.has("question"))
        d.put("question_stem", flatten(d));
    }
  },
  /** ARC: {@code question.stem} and its choices become {@code question}. */
  ARC {
    @Override
    void apply(JsonObject d) throws FormatException {
      if (!(d.value("question") instanceof String) && d.has("question"))
        d.put("question", flatten(d));
    }
  },
  /** HellaSwag: marks of its source are removed from context and endings. */
  HELLASWAG {
    @Override
    void apply(JsonObject d) throws FormatException {
      d.put(
          "query",
          cleaned(
              d.string("activity_label")
                  + ": "
                  + d.string("ctx_a")
                  + " "
                  + capitalized(d.string("ctx_b"))));
      List<String> choices = new ArrayList<>();
      for (String e : d.strings("endings")) choices.add(cleaned(e));
      d.put("choices", choices);
    }
  },
  /** WebQuestions: of answers that begin with one another the shortest stays. */
  WEBQS {
    @Override
    void apply(JsonObject d) throws FormatException {
      List<String> kept = new ArrayList<>();
      for (String a : d.strings("answers").stream().sorted(Preparation::byCodePoint).toList())
        if (kept.isEmpty() || !a.startsWith(kept.getLast())) kept.add(a);
      if (kept.isEmpty()) throw d.wrong("answers", "must not be empty; remove the line");
      d.put("choices", kept);
    }
  },
  /** RACE: an article's last question is asked, the ones before are shown with their answers. */
  RACE {
    @Override
    void apply(JsonObject d) throws FormatException {
      Race.apply(d);
    }
  },
  /** WikiText: spaces that its tokens brought are removed. */
  WIKITEXT {
    @Override
    void apply(JsonObject d) throws FormatException {
      d.put("text", Wikitext.detokenized(d.string("page")));
    }
  };

  private static final Pattern BRACKETS = Pattern.compile("\\[[^\\n]*?\\]");

  /** Adds to the document what the templates need. */
  abstract void apply(JsonObject document) throws FormatException;

  static Preparation named(JsonObject task) throws FormatException {
    String name = task.optionalString("prepare").orElse("none");
    for (Preparation p : values()) if (p.name().toLowerCase(Locale.ROOT).equals(name)) return p;
    throw task.wrong(
        "prepare",
        "must be one of none, openbookqa, arc, hellaswag, webqs, race, wikitext; got " + name);
  }

  /** Moves a nested question's choices up and returns its stem. */
  private static String flatten(JsonObject d) throws FormatException {
    JsonObject question = d.object("question");
    List<String> texts = new ArrayList<>();
    List<String> labels = new ArrayList<>();
    for (JsonObject c : question.objects("choices")) {
      texts.add(c.string("text"));
      labels.add(c.string("label"));
    }
    d.put(
        "choices", new java.util.LinkedHashMap<>(java.util.Map.of("text", texts, "label", labels)));
    return question.string("stem");
  }

  private static String cleaned(String s) {
    String t = Whitespace.strip(s).replace(" [title]", ". ");
    return BRACKETS.matcher(t).replaceAll("").replace("  ", " ");
  }

  /** The first character in title case, all others in lower case. */
  private static String capitalized(String s) {
    if (s.isEmpty()) return s;
    int n = s.offsetByCodePoints(0, 1);
    int first = Character.toTitleCase(s.codePointAt(0));
    return Character.toString(first) + s.substring(n).toLowerCase(Locale.ROOT);
  }

  private static int byCodePoint(String a, String b) {
    return java.util.Arrays.compare(a.codePoints().toArray(), b.codePoints().toArray());
  }
}
