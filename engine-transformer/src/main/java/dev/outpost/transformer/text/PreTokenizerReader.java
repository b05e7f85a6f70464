package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.util.ArrayList;
import java.util.List;

/** Reads the {@code pre_tokenizer} of a tokenizer.json. */
final class PreTokenizerReader {
  private PreTokenizerReader() {}

  static PreTokenizer.Sequence read(Json root) throws FormatException {
    List<PreTokenizer> steps = new ArrayList<>();
    read(root, steps);
    return new PreTokenizer.Sequence(List.copyOf(steps));
  }

  private static void read(Json step, List<PreTokenizer> out) throws FormatException {
    if (step.isNull()) return;
    Json type = step.get("type");
    switch (type.text()) {
      case "Sequence" -> {
        for (Json s : step.get("pretokenizers").items()) read(s, out);
      }
      case "ByteLevel" ->
          out.add(
              new PreTokenizer.ByteLevel(
                  step.get("add_prefix_space").flag(true), step.get("use_regex").flag(true), true));
      case "Split" ->
          out.add(
              new PreTokenizer.Split(
                  PatternReader.read(step.get("pattern")),
                  behavior(step.get("behavior")),
                  step.get("invert").flag(false)));
      case "Whitespace" ->
          out.add(
              new PreTokenizer.Split(
                  new TextPattern.Expression(SplitExpression.WORDS), SplitBehavior.REMOVED, true));
      case "WhitespaceSplit" -> out.add(at(TextPattern.Each.SPACE, SplitBehavior.REMOVED));
      case "BertPreTokenizer" -> {
        out.add(at(TextPattern.Each.SPACE, SplitBehavior.REMOVED));
        out.add(at(TextPattern.Each.PUNCTUATION, SplitBehavior.ISOLATED));
      }
      case "Punctuation" -> {
        Json behavior = step.get("behavior");
        out.add(
            at(
                TextPattern.Each.PUNCTUATION,
                behavior.isNull() ? SplitBehavior.ISOLATED : behavior(behavior)));
      }
      case "Digits" ->
          out.add(
              at(
                  TextPattern.Each.NUMERIC,
                  step.get("individual_digits").flag(false)
                      ? SplitBehavior.ISOLATED
                      : SplitBehavior.CONTIGUOUS));
      case "CharDelimiterSplit" ->
          out.add(
              at(new TextPattern.Literal(character(step.get("delimiter"))), SplitBehavior.REMOVED));
      case "FixedLength" -> {
        Json length = step.get("length");
        out.add(new PreTokenizer.FixedLength(length.isNull() ? 5 : length.integer(1, 1 << 30)));
      }
      case "Metaspace" -> out.add(metaspace(step));
      default ->
          throw type.wrong(
              "this pre-tokenizer is not supported",
              "supported are ByteLevel, Split, Whitespace, WhitespaceSplit, BertPreTokenizer,"
                  + " Punctuation, Digits, CharDelimiterSplit, FixedLength, Metaspace and a"
                  + " Sequence of these");
    }
  }

  private static PreTokenizer at(TextPattern pattern, SplitBehavior behavior) {
    return new PreTokenizer.Split(pattern, behavior, false);
  }

  private static SplitBehavior behavior(Json field) throws FormatException {
    List<String> known = new ArrayList<>();
    for (SplitBehavior b : SplitBehavior.values()) {
      if (b.spelling().equals(field.text())) return b;
      known.add(b.spelling());
    }
    throw field.wrong("must be one of " + String.join(", ", known), "");
  }

  /** A text of exactly one character. */
  static String character(Json field) throws FormatException {
    String text = field.text();
    if (text.isEmpty() || text.codePointCount(0, text.length()) != 1) {
      throw field.wrong("must be one character", "");
    }
    return text;
  }

  private static PreTokenizer metaspace(Json step) throws FormatException {
    return new PreTokenizer.Metaspace(
        character(step.get("replacement")), prepend(step), step.get("split").flag(true));
  }

  /** Older files say {@code add_prefix_space}, newer ones {@code prepend_scheme}. */
  static PreTokenizer.Prepend prepend(Json step) throws FormatException {
    Json scheme = step.get("prepend_scheme");
    PreTokenizer.Prepend prepend =
        switch (scheme.isNull() ? "always" : scheme.text()) {
          case "always" -> PreTokenizer.Prepend.ALWAYS;
          case "first" -> PreTokenizer.Prepend.FIRST;
          case "never" -> PreTokenizer.Prepend.NEVER;
          default -> throw scheme.wrong("must be always, first or never", "");
        };
    return step.get("add_prefix_space").flag(true) ? prepend : PreTokenizer.Prepend.NEVER;
  }
}
