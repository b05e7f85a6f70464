package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;

/** Reads {@code {"String": …}} and {@code {"Regex": …}}. */
final class PatternReader {
  private PatternReader() {}

  static TextPattern read(Json pattern) throws FormatException {
    Json literal = pattern.get("String");
    if (!literal.isNull()) {
      if (literal.text().isEmpty()) throw literal.wrong("must not be empty", "");
      return new TextPattern.Literal(literal.text());
    }
    Json regex = pattern.get("Regex");
    try {
      return new TextPattern.Expression(SplitExpression.of(regex.text()));
    } catch (IllegalArgumentException e) {
      throw regex.wrong(
          "the regular expression " + e.getMessage(),
          "use a tokenizer whose expressions are of the known kinds");
    }
  }
}
