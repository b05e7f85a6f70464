package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.util.ArrayList;
import java.util.List;

/** Reads the {@code decoder} of a tokenizer.json. */
final class DetokenizerReader {
  private static final int MOST_STRIPPED = 1 << 20;

  private DetokenizerReader() {}

  static Detokenizer read(Json root) throws FormatException {
    if (root.isNull()) return new Detokenizer.Spaced();
    List<Detokenizer> steps = new ArrayList<>();
    read(root, steps);
    return steps.size() == 1 ? steps.getFirst() : new Detokenizer.Sequence(List.copyOf(steps));
  }

  private static void read(Json step, List<Detokenizer> out) throws FormatException {
    if (step.get("type").text().equals("Sequence")) {
      for (Json s : step.get("decoders").items()) read(s, out);
      return;
    }
    out.add(one(step));
  }

  private static Detokenizer one(Json step) throws FormatException {
    Json type = step.get("type");
    return switch (type.text()) {
      case "ByteLevel" -> new Detokenizer.ByteLevel();
      case "ByteFallback" -> new Detokenizer.ByteFallback();
      case "Fuse" -> new Detokenizer.Fuse();
      case "Replace" ->
          new Detokenizer.Replace(
              PatternReader.read(step.get("pattern")), step.get("content").text());
      case "Strip" ->
          new Detokenizer.Strip(
              PreTokenizerReader.character(step.get("content")).codePointAt(0),
              step.get("start").integer(0, MOST_STRIPPED),
              step.get("stop").integer(0, MOST_STRIPPED));
      case "Metaspace" ->
          new Detokenizer.Metaspace(
              PreTokenizerReader.character(step.get("replacement")),
              PreTokenizerReader.prepend(step) != PreTokenizer.Prepend.NEVER);
      case "WordPiece" ->
          new Detokenizer.WordPiece(step.get("prefix").text(), step.get("cleanup").flag(true));
      case "BPEDecoder" -> new Detokenizer.WordSuffix(step.get("suffix").text());
      default ->
          throw type.wrong(
              "this decoder is not supported",
              "supported are ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, WordPiece,"
                  + " BPEDecoder and a Sequence of these");
    };
  }
}
