package dev.outpost.offsite.app;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufFile;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What {@code inspect} tells of a model besides its dimensions. */
final class ModelFacts {
  private ModelFacts() {}

  /** Stored types, tokenizer, chat template and files. */
  static void put(JsonObject o, Path path, TransformerModel model) throws IOException {
    Map<String, Long> types = new TreeMap<>();
    Map<String, Long> bytes = new TreeMap<>();
    model.visit((name, p) -> {
      DType type = p.weight().dtype();
      types.merge(type.name(), (long) p.shape().size(), Long::sum);
      bytes.merge(type.name(), type.byteSize(p.shape().size()), Long::sum);
    });
    Map<String, Long> files = files(path);
    o.put("dtypes", types).put("stored_bytes", bytes);
    tokenizer(o, path);
    o.put("chat_template", hasChatTemplate(path))
        .put("bytes", files.values().stream().mapToLong(Long::longValue).sum())
        .put("files", files);
  }

  private static void tokenizer(JsonObject o, Path path) throws IOException {
    try {
      Tokenizer t = TokenizerFiles.load(path);
      o.put("tokenizer", t.getClass().getSimpleName())
          .put("tokens", t.vocabularySize())
          .put("end_of_text", t.endOfText().isPresent() ? t.token(t.endOfText().getAsInt()) : null);
    } catch (FormatException e) {
      o.put("tokenizer", "none: " + e.getMessage());
    }
  }

  private static boolean hasChatTemplate(Path path) throws IOException {
    if (Files.isRegularFile(path)) {
      try (GgufFile f = GgufFile.open(path)) {
        return f.metadata().has("tokenizer.chat_template");
      }
    }
    Path config = path.resolve("tokenizer_config.json");
    return Files.exists(path.resolve("chat_template.jinja"))
        || (Files.exists(config) && JsonObject.read(config).has("chat_template"));
  }

  private static Map<String, Long> files(Path path) throws IOException {
    List<Path> all = List.of(path);
    if (Files.isDirectory(path)) {
      try (Stream<Path> inside = Files.list(path)) {
        all = inside.filter(Files::isRegularFile).toList();
      }
    }
    Map<String, Long> sizes = new TreeMap<>();
    for (Path p : all) sizes.put(String.valueOf(p.getFileName()), Files.size(p));
    return sizes;
  }
}
