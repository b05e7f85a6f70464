package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Reads the {@code model} of a tokenizer.json. */
final class ModelReader {
  private ModelReader() {}

  /**
   * @param byteLevel whether words come spelled in the alphabet of bytes
   */
  static Model read(Json model, boolean byteLevel) throws FormatException {
    Json type = model.get("type");
    // The file of GPT-2 itself names no type.
    String kind = type.isNull() && model.get("merges").isArray() ? "BPE" : type.text();
    return switch (kind) {
      case "BPE" -> bytePair(model, byteLevel);
      case "Unigram" -> unigram(model);
      case "WordPiece" -> wordPiece(model);
      case "WordLevel" -> {
        Map<String, Integer> ids = VocabularyReader.ids(model.get("vocab"));
        yield new WordLevel(ids, known(ids, model.get("unk_token")));
      }
      default ->
          throw type.wrong(
              "this kind of model is not supported",
              "supported are BPE, Unigram, WordPiece and WordLevel");
    };
  }

  private static Model bytePair(Json model, boolean byteLevel) throws FormatException {
    Json dropout = model.get("dropout");
    if (!dropout.isNull() && !(dropout.value() instanceof Number n && n.doubleValue() == 0)) {
      throw dropout.wrong("must be null or 0: ids would be random", "set it to null");
    }
    Json vocab = model.get("vocab");
    Map<String, Integer> ids = VocabularyReader.ids(vocab);
    String prefix = affix(model.get("continuing_subword_prefix"));
    String suffix = affix(model.get("end_of_word_suffix"));
    boolean wholeWords = model.get("ignore_merges").flag(false);
    boolean byteFallback = model.get("byte_fallback").flag(false);
    Json unknown = model.get("unk_token");
    boolean bare = prefix.isEmpty() && suffix.isEmpty() && !byteFallback;
    if (byteLevel && bare && (unknown.isNull() || VocabularyReader.missingByte(ids) == null)) {
      VocabularyReader.requireBytes(vocab, ids);
      return new ByteLevelBpe(
          VocabularyReader.withMerges(ids, model.get("merges"), true, ""), wholeWords);
    }
    return new CharacterBpe(
        VocabularyReader.withMerges(ids, model.get("merges"), false, prefix),
        new CharacterBpe.Options(
            prefix,
            suffix,
            unknown.isNull() ? OptionalInt.empty() : OptionalInt.of(known(ids, unknown)),
            model.get("fuse_unk").flag(false),
            byteFallback,
            wholeWords));
  }

  private static String affix(Json field) throws FormatException {
    return field.isNull() ? "" : field.text();
  }

  private static int known(Map<String, Integer> ids, Json token) throws FormatException {
    Integer id = ids.get(token.text());
    if (id == null) throw token.wrong("must be in the vocabulary", "name a token that is");
    return id;
  }

  private static Model unigram(Json model) throws FormatException {
    List<String> tokens = new ArrayList<>();
    List<Json> items = model.get("vocab").items();
    if (items.size() > VocabularyReader.MAX_ID) {
      throw model.get("vocab").wrong("has " + items.size() + " tokens; too many", "");
    }
    double[] scores = new double[items.size()];
    for (Json item : items) {
      List<Json> pair = item.items();
      if (pair.size() != 2) throw item.wrong("must be a token and its score", "");
      scores[tokens.size()] = pair.get(1).number();
      tokens.add(pair.get(0).text());
    }
    Json unknown = model.get("unk_id");
    return new Unigram(
        tokens,
        scores,
        unknown.isNull()
            ? OptionalInt.empty()
            : OptionalInt.of(unknown.integer(0, tokens.size() - 1)),
        model.get("byte_fallback").flag(false));
  }

  private static Model wordPiece(Json model) throws FormatException {
    Map<String, Integer> ids = VocabularyReader.ids(model.get("vocab"));
    Json prefix = model.get("continuing_subword_prefix");
    Json longest = model.get("max_input_chars_per_word");
    return new WordPiece(
        ids,
        known(ids, model.get("unk_token")),
        prefix.isNull() ? "##" : prefix.text(),
        longest.isNull() ? 100 : longest.integer(0, Integer.MAX_VALUE));
  }
}
