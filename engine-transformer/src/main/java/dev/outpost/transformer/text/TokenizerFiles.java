package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

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
    BytePair.Settings read;
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
    BytePair tokenizer = new BytePair(read);
    return tokenizer.withRoles(settings.roles(tokenizer));
  }

  /**
   * Writes tokenizer.json, vocab.json, merges.txt and tokenizer_config.json, from which Hugging
   * Face's tokenizers and transformers make a tokenizer that gives the same ids. Each file is
   * replaced whole or not at all.
   */
  public static void save(Tokenizer tokenizer, Path folder) throws IOException {
    if (!(tokenizer instanceof BytePair bytePair)) {
      throw new IllegalArgumentException(
          "save: only byte-pair tokenizers can be written, got " + tokenizer.getClass().getName());
    }
    new TokenizerWriter(bytePair).write(folder);
  }
}
