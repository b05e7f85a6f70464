package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads the tokenizer.json of the Hugging Face tokenizers library. What could change an id is
 * either understood or refused; truncation, padding and the post-processor do not concern {@link
 * Tokenizer#encode}, which adds and cuts nothing.
 */
final class TokenizerJson {
  private static final String SUPPORTED =
      "supported are byte-level BPE tokenizers (GPT-2, OPT, BLOOM, Llama 3, Qwen 2 and alike)";

  private TokenizerJson() {}

  /** Everything but the roles of tokens, which other files name. */
  static BytePair.Settings read(Json root, TokenRoles roles) throws FormatException {
    if (!root.get("version").isNull() && !root.get("version").text().equals("1.0")) {
      throw root.get("version").wrong("must be \"1.0\"", "");
    }
    Json model = root.get("model");
    checkModel(model);
    Map<String, Integer> ids = VocabularyReader.ids(model.get("vocab"));
    Vocabulary vocabulary = VocabularyReader.withMerges(ids, model.get("merges"));
    AddedTokenReader added = new AddedTokenReader(ids);
    if (!root.get("added_tokens").isNull()) {
      for (Json token : root.get("added_tokens").items()) {
        added.add(token, token.get("id").integer(0, VocabularyReader.MAX_ID), false);
      }
    }
    PreTokenizer preTokenizer = preTokenizer(root.get("pre_tokenizer"));
    checkDecoder(root.get("decoder"));
    boolean wholeWords = model.get("ignore_merges").flag(false);
    boolean nfc = nfc(root.get("normalizer"));
    return new BytePair.Settings(
        vocabulary,
        added.tokens(),
        preTokenizer,
        nfc,
        wholeWords,
        roles,
        root.get("post_processor").value());
  }

  private static void checkModel(Json model) throws FormatException {
    Json type = model.get("type");
    // The file of GPT-2 itself names no type.
    boolean bpe = type.isNull() ? model.get("merges").isArray() : type.text().equals("BPE");
    if (!bpe) throw type.wrong("this kind of model is not supported", SUPPORTED);
    for (String affix : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
      Json field = model.get(affix);
      if (!field.isNull() && !field.text().isEmpty()) {
        throw field.wrong("must be empty or null for byte-level BPE", SUPPORTED);
      }
    }
    Json dropout = model.get("dropout");
    if (!dropout.isNull() && !(dropout.value() instanceof Number n && n.doubleValue() == 0)) {
      throw dropout.wrong("must be null or 0: ids would be random", "set it to null");
    }
    if (model.get("byte_fallback").flag(false)) {
      throw model.get("byte_fallback").wrong("must be false for byte-level BPE", SUPPORTED);
    }
  }

  private static boolean nfc(Json normalizer) throws FormatException {
    if (normalizer.isNull()) return false;
    return switch (normalizer.get("type").text()) {
      case "NFC" -> true;
      case "Sequence" -> {
        boolean any = false;
        for (Json step : normalizer.get("normalizers").items()) any |= nfc(step);
        yield any;
      }
      default ->
          throw normalizer
              .get("type")
              .wrong("this normalizer is not supported", "supported are none, NFC and Sequence");
    };
  }

  private static PreTokenizer preTokenizer(Json root) throws FormatException {
    List<Json> steps = new ArrayList<>();
    flatten(root, "pretokenizers", steps);
    if (steps.isEmpty() || !steps.getLast().get("type").text().equals("ByteLevel")) {
      throw root.wrong("the last pre-tokenizer must be ByteLevel", SUPPORTED);
    }
    List<SplitPattern> splits = new ArrayList<>();
    for (Json step : steps.subList(0, steps.size() - 1)) splits.add(split(step));
    Json byteLevel = steps.getLast();
    return new PreTokenizer(
        List.copyOf(splits),
        byteLevel.get("add_prefix_space").flag(true),
        byteLevel.get("use_regex").flag(true));
  }

  private static SplitPattern split(Json step) throws FormatException {
    Json type = step.get("type");
    return switch (type.text()) {
      case "Digits" ->
          step.get("individual_digits").flag(false) ? SplitPattern.DIGIT : SplitPattern.DIGITS;
      case "Split" -> {
        if (!step.get("behavior").text().equals("Isolated") || step.get("invert").flag(false)) {
          throw step.wrong("behavior must be \"Isolated\" and invert false", SUPPORTED);
        }
        Json regex = step.get("pattern").get("Regex");
        yield SplitPattern.spelled(regex.text())
            .orElseThrow(() ->
                regex.wrong(
                    "this expression is not among those known to split alike in Java", SUPPORTED));
      }
      default ->
          throw type.wrong(
              "this pre-tokenizer is not supported",
              "supported are ByteLevel, Split, Digits and a Sequence of these");
    };
  }

  private static void checkDecoder(Json root) throws FormatException {
    List<Json> steps = new ArrayList<>();
    flatten(root, "decoders", steps);
    if (steps.size() != 1 || !steps.getFirst().get("type").text().equals("ByteLevel")) {
      throw root.wrong("the decoder must be ByteLevel", SUPPORTED);
    }
  }

  private static void flatten(Json step, String listName, List<Json> out) throws FormatException {
    if (step.isNull()) return;
    if (!step.get("type").text().equals("Sequence")) {
      out.add(step);
      return;
    }
    for (Json s : step.get(listName).items()) flatten(s, listName, out);
  }
}
