package dev.outpost.offsite.app;

import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.load.ModelFactory;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.text.BytePairTrainer;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** An owner and a data owner with next to nothing. */
public final class Parties {
  /** Words enough for a few dozen blocks. */
  public static final String PUBLIC =
      "the owner keeps the model and the other keeps the text; what travels is small. ".repeat(40);

  /** What the data owner would not show. */
  public static final String PRIVATE =
      "select name from people where the other owner keeps the small text; ".repeat(40);

  private Parties() {}

  /** A GPT-2 of 4 blocks with random numbers and a vocabulary of {@link #PUBLIC}, as a folder. */
  public static Path model(Path folder, long seed) throws IOException {
    return model(folder, 4, 32, seed);
  }

  /** Such a model of this many blocks. */
  public static Path model(Path folder, int layers, long seed) throws IOException {
    return model(folder, layers, 32, seed);
  }

  /** Such a model of this many blocks and with room for so many tokens. */
  public static Path model(Path folder, int layers, int context, long seed) throws IOException {
    Tokenizer tokenizer = BytePairTrainer.of(280).train(List.of(PUBLIC));
    Spec spec =
        Gpt2.spec(
            tokenizer.vocabularySize(),
            context,
            16,
            layers,
            2,
            64,
            UnaryMap.GELU_TANH,
            1e-5f,
            true);
    TokenizerFiles.save(tokenizer, folder);
    ModelFolder.write(
        folder,
        ModelFactory.random(spec, seed),
        new Gpt2().write(spec, tokenizer.endOfText().orElse(0)),
        null);
    return folder;
  }

  /** A text file. */
  static Path text(Path file, String text) throws IOException {
    return Files.writeString(file, text);
  }

  /** Carries plain files of one folder to another party. */
  static Path send(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    for (String name : files(from)) Files.copy(from.resolve(name), to.resolve(name));
    return to;
  }

  /** Names in a folder, sorted. */
  static List<String> files(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(p -> p.getFileName().toString()).sorted().toList();
    }
  }
}
