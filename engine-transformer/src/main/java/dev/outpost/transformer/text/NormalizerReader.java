package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.text.Normalizer.Form;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** Reads the {@code normalizer} of a tokenizer.json. */
final class NormalizerReader {
  private NormalizerReader() {}

  static Normalizer read(Json root) throws FormatException {
    List<Normalizer> steps = new ArrayList<>();
    read(root, steps);
    return steps.size() == 1 && steps.getFirst() instanceof Normalizer.UnicodeForm form
        ? form
        : new Normalizer.Sequence(List.copyOf(steps));
  }

  private static void read(Json step, List<Normalizer> out) throws FormatException {
    if (step.isNull()) return;
    if (step.get("type").text().equals("Sequence")) {
      for (Json s : step.get("normalizers").items()) read(s, out);
      return;
    }
    out.add(one(step));
  }

  private static Normalizer one(Json step) throws FormatException {
    Json type = step.get("type");
    return switch (type.text()) {
      case "NFC", "NFD", "NFKC", "NFKD" -> new Normalizer.UnicodeForm(Form.valueOf(type.text()));
      case "Lowercase" -> new Normalizer.Lowercase();
      case "StripAccents" -> new Normalizer.StripAccents();
      case "Strip" ->
          new Normalizer.Strip(
              step.get("strip_left").flag(false), step.get("strip_right").flag(false));
      case "Replace" ->
          new Normalizer.Replace(
              PatternReader.read(step.get("pattern")), step.get("content").text());
      case "Prepend" -> new Normalizer.Prepend(step.get("prepend").text());
      case "BertNormalizer" -> bert(step);
      case "Nmt" -> new Normalizer.Nmt();
      case "ByteLevel" -> new Normalizer.ByteLevel();
      case "Precompiled" -> precompiled(step.get("precompiled_charsmap"));
      default ->
          throw type.wrong(
              "this normalizer is not supported",
              "supported are NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace,"
                  + " Prepend, BertNormalizer, Nmt, ByteLevel, Precompiled and a Sequence of these");
    };
  }

  private static Normalizer bert(Json step) throws FormatException {
    boolean lowercase = step.get("lowercase").flag(true);
    return new Normalizer.Bert(
        step.get("clean_text").flag(true),
        step.get("handle_chinese_chars").flag(true),
        step.get("strip_accents").flag(lowercase),
        lowercase);
  }

  private static Normalizer precompiled(Json map) throws FormatException {
    byte[] bytes;
    try {
      bytes = Base64.getDecoder().decode(map.text());
    } catch (IllegalArgumentException e) {
      throw map.wrong("must be base64: " + e.getMessage(), "");
    }
    // SentencePiece models without rules carry an empty map.
    if (bytes.length == 0) return new Normalizer.Sequence(List.of());
    try {
      return Precompiled.of(bytes);
    } catch (IllegalArgumentException e) {
      throw map.wrong(String.valueOf(e.getMessage()), "fetch the file again");
    }
  }
}
