package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.util.Optional;
import java.util.OptionalInt;

/** Reads the {@code truncation} and {@code padding} of a tokenizer.json. */
final class OptionsReader {
  private static final int MOST = 1 << 24;

  private OptionsReader() {}

  static Optional<EncodingOptions.Truncation> truncation(Json field) throws FormatException {
    if (field.isNull()) return Optional.empty();
    Json strategy = field.get("strategy");
    EncodingOptions.Cut cut =
        switch (strategy.text()) {
          case "LongestFirst" -> EncodingOptions.Cut.LONGEST_FIRST;
          case "OnlyFirst" -> EncodingOptions.Cut.ONLY_FIRST;
          case "OnlySecond" -> EncodingOptions.Cut.ONLY_SECOND;
          default -> throw strategy.wrong("must be LongestFirst, OnlyFirst or OnlySecond", "");
        };
    return Optional.of(
        new EncodingOptions.Truncation(
            field.get("max_length").integer(0, Integer.MAX_VALUE),
            cut,
            isLeft(field.get("direction"))));
  }

  static Optional<EncodingOptions.Padding> padding(Json field) throws FormatException {
    if (field.isNull()) return Optional.empty();
    Json strategy = field.get("strategy");
    OptionalInt length = OptionalInt.empty();
    if (!strategy.isText()) {
      length = OptionalInt.of(strategy.get("Fixed").integer(0, MOST));
    } else if (!strategy.text().equals("BatchLongest")) {
      throw strategy.wrong("must be BatchLongest or {\"Fixed\": length}", "");
    }
    Json multiple = field.get("pad_to_multiple_of");
    return Optional.of(
        new EncodingOptions.Padding(
            length,
            multiple.isNull() ? 0 : multiple.integer(0, MOST),
            isLeft(field.get("direction")),
            field.get("pad_id").integer(0, VocabularyReader.MAX_ID),
            field.get("pad_type_id").integer(0, 1 << 16)));
  }

  private static boolean isLeft(Json direction) throws FormatException {
    return switch (direction.isNull() ? "Right" : direction.text()) {
      case "Left" -> true;
      case "Right" -> false;
      default -> throw direction.wrong("must be Left or Right", "");
    };
  }
}
