package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads the older form of a tokenizer: vocab.json and merges.txt, with added tokens from
 * tokenizer_config.json, added_tokens.json and special_tokens_map.json where they exist.
 */
final class VocabMergesFiles {
  private static final List<String> LIKE_GPT2 = List.of("GPT2Tokenizer", "RobertaTokenizer");
  private static final List<String> LIKE_QWEN2 = List.of("Qwen2Tokenizer");

  private VocabMergesFiles() {}

  /** Everything but the roles of tokens. */
  static PipelineTokenizer.Settings read(Path folder, TokenizerSettings settings, TokenRoles roles)
      throws IOException {
    Json vocab = Json.read(folder.resolve("vocab.json"));
    Map<String, Integer> ids = VocabularyReader.ids(vocab);
    VocabularyReader.requireBytes(vocab, ids);
    Path merges = folder.resolve("merges.txt");
    Vocabulary vocabulary = VocabularyReader.withMerges(ids, merges, Json.text(merges));
    boolean qwen2 = isQwen2(settings);
    Optional<Json> prefix = settings.config("add_prefix_space");
    boolean addPrefixSpace = prefix.isPresent() && prefix.get().flag(false);
    return new PipelineTokenizer.Settings(
        new ByteLevelBpe(vocabulary, false),
        added(folder, ids, settings),
        Stages.byteLevel(addPrefixSpace, qwen2 ? SplitPattern.QWEN2 : null, qwen2).unspelled(),
        roles);
  }

  private static boolean isQwen2(TokenizerSettings settings) throws FormatException {
    Optional<Json> type = settings.config("tokenizer_class");
    if (type.isEmpty()) return false;
    String name = type.get().text().replaceFirst("Fast$", "");
    if (LIKE_GPT2.contains(name)) return false;
    if (LIKE_QWEN2.contains(name)) return true;
    throw type.get()
        .wrong(
            "vocab.json and merges.txt do not tell how this class cuts text into words",
            "add the model's tokenizer.json to the folder");
  }

  /** Tokens that other files add to a vocabulary. */
  static List<AddedToken> added(Path folder, Map<String, Integer> ids, TokenizerSettings settings)
      throws IOException {
    AddedTokenReader added = new AddedTokenReader(ids);
    Optional<Json> decoder = settings.config("added_tokens_decoder");
    if (decoder.isPresent()) {
      for (Map.Entry<String, Json> e : decoder.get().fields().entrySet()) {
        added.add(e.getValue(), id(e.getKey(), e.getValue()), false);
      }
    }
    List<Json> special = settings.specialTokens();
    Path more = folder.resolve("added_tokens.json");
    if (Files.exists(more)) {
      for (Map.Entry<String, Json> e : Json.read(more).fields().entrySet()) {
        if (added.contains(e.getKey())) continue;
        int id = e.getValue().integer(0, VocabularyReader.MAX_ID);
        boolean isSpecial = false;
        for (Json s : special) isSpecial |= TokenizerSettings.content(s).equals(e.getKey());
        added.add(e.getValue(), e.getKey(), id, isSpecial);
      }
    }
    for (Json token : special) {
      String content = TokenizerSettings.content(token);
      Integer id = ids.get(content);
      if (id == null || added.contains(content)) continue;
      if (token.isText()) added.add(token, content, id, true);
      else added.add(token, id, true);
    }
    Integer end = ids.get(BytePairTrainer.END_OF_TEXT);
    if (special.isEmpty() && end != null && !added.contains(BytePairTrainer.END_OF_TEXT)) {
      added.addSpecial(BytePairTrainer.END_OF_TEXT, end);
    }
    return added.tokens();
  }

  private static int id(String key, Json where) throws FormatException {
    if (key.matches("[0-9]{1,7}") && Integer.parseInt(key) <= VocabularyReader.MAX_ID) {
      return Integer.parseInt(key);
    }
    throw where.wrong(
        "the name must be a token id from 0 to " + VocabularyReader.MAX_ID + ", is " + key, "");
  }
}
