package dev.outpost.transformer.load;

import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.transformer.text.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The files of a model folder that are neither configuration nor weights and must travel with it.
 */
public final class Companions {
  private static final List<String> NAMES =
      List.of(
          "tokenizer.json",
          "tokenizer.model",
          "vocab.json",
          "vocab.txt",
          "merges.txt",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "chat_template.jinja",
          "generation_config.json",
          "preprocessor_config.json");

  private Companions() {}

  /** Copies those that exist; the tokenizer in a GGUF file becomes files of its own. */
  public static void copy(Path from, Path to) throws IOException {
    if (GgufModel.names(from)) {
      Files.createDirectories(to);
      TokenizerFiles.save(TokenizerFiles.load(from), to);
      return;
    }
    for (String name : NAMES)
      if (Files.isRegularFile(from.resolve(name)))
        AtomicFile.write(to.resolve(name), Files.readAllBytes(from.resolve(name)));
  }
}
