package dev.outpost.offsite.app;

import dev.outpost.tensor.io.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The files of a model folder that are neither configuration nor weights and must travel with it.
 */
final class Companions {
  private static final List<String> NAMES =
      List.of(
          "tokenizer.json",
          "vocab.json",
          "merges.txt",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "generation_config.json");

  private Companions() {}

  /** Copies those that exist. */
  static void copy(Path from, Path to) throws IOException {
    for (String name : NAMES)
      if (Files.isRegularFile(from.resolve(name)))
        AtomicFile.write(to.resolve(name), Files.readAllBytes(from.resolve(name)));
  }
}
