package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.transformer.text.chat.ChatTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Reads a tokenizer from the folder of its model, and writes one there. */
public final class TokenizerFiles {
  private TokenizerFiles() {}

  /**
   * Reads tokenizer.json, or vocab.json and merges.txt if there is none, or tokenizer.model;
   * tokenizer_config.json and special_tokens_map.json name the end of text. A GGUF file carries its
   * own.
   *
   * @throws FormatException if a file breaks its format or describes a tokenizer that is not
   *     supported; the message names the file, the field, the rule and the cure
   */
  public static Tokenizer load(Path folder) throws IOException {
    if (Files.isRegularFile(folder) && folder.toString().endsWith(".gguf")) {
      return GgufTokenizer.read(folder);
    }
    if (!Files.isDirectory(folder)) {
      throw new FormatException(
          folder + ": no such folder; name the folder that holds tokenizer.json");
    }
    TokenizerSettings settings = new TokenizerSettings(folder);
    TokenRoles none = TokenRoles.endOfText(null);
    Path json = folder.resolve("tokenizer.json");
    PipelineTokenizer tokenizer;
    if (Files.exists(json)) {
      tokenizer = pipeline(TokenizerJson.read(Json.read(json), none), json);
    } else if (Files.exists(folder.resolve("vocab.json"))
        && Files.exists(folder.resolve("merges.txt"))) {
      tokenizer = pipeline(VocabMergesFiles.read(folder, settings, none), json);
    } else if (Files.exists(folder.resolve(SentencePieceFolder.FILE))) {
      tokenizer = SentencePieceFolder.read(folder, settings);
    } else {
      throw new FormatException(
          folder
              + ": no tokenizer here; expected tokenizer.json, or vocab.json with merges.txt,"
              + " or tokenizer.model; copy them from the model's source");
    }
    tokenizer =
        tokenizer.withRoles(
            SentencePieceFolder.roles(tokenizer.settings().roles(), settings.roles(tokenizer)));
    Optional<ChatTemplate> chat = settings.chatTemplate();
    if (chat.isPresent()) tokenizer = tokenizer.withChatTemplate(chat.get());
    Optional<Json> begin = settings.config("add_bos_token");
    Optional<Json> end = settings.config("add_eos_token");
    // As transformers does: where the flags stand, they say what frames a text.
    return begin.isEmpty() && end.isEmpty()
        ? tokenizer
        : tokenizer.framed(
            begin.isPresent() && begin.get().flag(false), end.isPresent() && end.get().flag(false));
  }

  /** Normalising an added token may show that the file's rules cannot be followed. */
  private static PipelineTokenizer pipeline(PipelineTokenizer.Settings read, Path json)
      throws FormatException {
    try {
      return new PipelineTokenizer(read);
    } catch (IllegalArgumentException e) {
      throw new FormatException(json + ": field added_tokens: " + e.getMessage(), e);
    }
  }

  /**
   * Writes tokenizer.json and tokenizer_config.json, for byte-level BPE vocab.json and merges.txt
   * too, from which Hugging Face's tokenizers and transformers make a tokenizer that gives the same
   * ids. Each file is replaced whole or not at all.
   *
   * @throws IllegalArgumentException if tokenizer.json cannot tell all that this tokenizer does
   */
  public static void save(Tokenizer tokenizer, Path folder) throws IOException {
    if (!(tokenizer instanceof PipelineTokenizer p)
        || p.settings().stages().normalizer() instanceof SentencePieceNormalizer) {
      throw new IllegalArgumentException(
          "save: tokenizer.json cannot say how SentencePiece normalises text for this tokenizer;"
              + " copy its tokenizer.model");
    }
    new TokenizerWriter(p.settings()).write(folder);
  }
}
