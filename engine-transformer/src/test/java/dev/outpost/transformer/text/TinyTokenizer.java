package dev.outpost.transformer.text;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The small vocabulary of the goldens, and variations of its files. */
final class TinyTokenizer {
  static final Path GOLDENS = Path.of("src", "test", "resources", "text");

  private TinyTokenizer() {}

  static Tokenizer load() throws IOException {
    return TokenizerFiles.load(GOLDENS.resolve("tiny"));
  }

  static String json() throws IOException {
    return Files.readString(GOLDENS.resolve("tiny").resolve("tokenizer.json"));
  }

  /** The tokenizer with some top-level fields of its file replaced. */
  static Tokenizer with(Path folder, boolean wholeWords, Map<String, Object> replaced)
      throws IOException {
    Json base = Json.read(GOLDENS.resolve("tiny").resolve("tokenizer.json"));
    Map<Object, Object> root = new TreeMap<>((Map<?, ?>) base.value());
    Map<Object, Object> model = new TreeMap<>((Map<?, ?>) base.get("model").value());
    model.put("ignore_merges", wholeWords);
    root.put("model", model);
    root.putAll(replaced);
    Files.writeString(folder.resolve("tokenizer.json"), TokenizerWriter.json(root));
    return TokenizerFiles.load(folder);
  }

  static int[] ids(Json list) throws IOException {
    List<Integer> ids = new ArrayList<>();
    for (Json item : list.items()) ids.add(item.integer(0, Integer.MAX_VALUE));
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }
}
