package dev.outpost.transformer.text;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A folder with tokenizer.model and no tokenizer.json. What frames a text stands in no file: it is
 * what the class that tokenizer_config.json names does by itself, or, without one, begin-of-text
 * before the texts of BPE (Llama) and end-of-text behind those of unigram (T5).
 */
final class SentencePieceFolder {
  static final String FILE = "tokenizer.model";

  /** Classes whose ids are the file's own, which begin a text. */
  private static final List<String> BEGIN =
      List.of("LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer");

  /** The same, which end it. */
  private static final List<String> END = List.of("T5Tokenizer");

  private SentencePieceFolder() {}

  /** The tokenizer, its texts framed; roles as the file itself names them. */
  static PipelineTokenizer read(Path folder, TokenizerSettings settings) throws IOException {
    SentencePieceModel model = SentencePieceModel.read(folder.resolve(FILE));
    Optional<Json> type = settings.config("tokenizer_class");
    boolean begin = !model.isUnigram();
    if (type.isPresent()) {
      String name = type.get().text().replaceFirst("Fast$", "");
      begin = BEGIN.contains(name);
      boolean listed = settings.config("added_tokens_decoder").isPresent();
      if (!begin && !(END.contains(name) && listed))
        throw type.get()
            .wrong(
                FILE + " alone does not tell this class's ids and special tokens",
                "load it once with transformers and save: that writes tokenizer.json");
    }
    List<AddedToken> added = VocabMergesFiles.added(folder, model.ids(), settings);
    return new PipelineTokenizer(model.settings(added)).framed(begin, !begin);
  }

  /** Roles that no other file names are the file's own. */
  static TokenRoles roles(TokenRoles file, TokenRoles others) {
    return new TokenRoles(
        others.beginOfText() == null ? file.beginOfText() : others.beginOfText(),
        others.endOfText() == null ? file.endOfText() : others.endOfText(),
        others.unknown() == null ? file.unknown() : others.unknown(),
        others.padding() == null ? file.padding() : others.padding());
  }
}
