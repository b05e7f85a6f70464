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
   * Reads tokenizer.json, or vocab.json and merges.txt if there is none; tokenizer_config.json and
   * special_tokens_map.json name the end of text. A GGUF file carries its own.
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
    PipelineTokenizer.Settings read;
    if (Files.exists(json)) {
      read = TokenizerJson.read(Json.read(json), none);
    } else if (Files.exists(folder.resolve("vocab.json"))
        && Files.exists(folder.resolve("merges.txt"))) {
      read = VocabMergesFiles.read(folder, settings, none);
    } else {
      throw new FormatException(
          folder
              + ": no tokenizer here; expected tokenizer.json, or vocab.json with merges.txt;"
              + " copy them from the model's source");
    }
    PipelineTokenizer tokenizer = pipeline(read, json);
    tokenizer = tokenizer.withRoles(settings.roles(tokenizer));
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
   * Writes tokenizer.json, vocab.json, merges.txt and tokenizer_config.json, from which Hugging
   * Face's tokenizers and transformers make a tokenizer that gives the same ids. Each file is
   * replaced whole or not at all.
   */
  public static void save(Tokenizer tokenizer, Path folder) throws IOException {
    if (!(tokenizer instanceof PipelineTokenizer p
        && p.settings().model() instanceof ByteLevelBpe model)) {
      throw new IllegalArgumentException(
          "save: only byte-level BPE tokenizers can be written; copy the files of this one");
    }
    new TokenizerWriter(p.settings(), model).write(folder);
  }
}
