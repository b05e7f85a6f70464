package dev.outpost.transformer.eval;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.data.JsonLines;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A benchmark's documents from the files that people have of it. */
final class Documents {
  private Documents() {}

  /**
   * All documents, in order: from JSON lines or a JSON array; from all files of a folder, sorted;
   * for a task of texts also from a raw WikiText file, page by page.
   *
   * @param most to read at most
   */
  static List<JsonObject> read(Path path, Task task, int most) throws IOException {
    List<JsonObject> all = new ArrayList<>();
    if (Files.isDirectory(path)) {
      try (Stream<Path> files = Files.list(path)) {
        for (Path f : files.filter(Files::isRegularFile).sorted().toList())
          if (all.size() < most) add(f, task, most, all);
      }
    } else {
      add(path, task, most, all);
    }
    if (all.isEmpty())
      throw new FormatException(path + ": holds no documents; give the data set's file");
    return all;
  }

  private static void add(Path file, Task task, int most, List<JsonObject> all) throws IOException {
    if (task.isOfText() && !JsonLines.names(file)) {
      List<String> pages = Wikitext.pages(text(file));
      for (String page : pages) {
        if (all.size() == most) return;
        all.add(page(file, all.size() + 1, page));
      }
      return;
    }
    int from = all.size();
    try (JsonLines lines = JsonLines.open(file)) {
      for (JsonObject o = lines.next(); o != null && all.size() < most; o = lines.next())
        all.add(o);
    }
    if (task.labelsFile() != null) label(file, task.labelsFile(), all.subList(from, all.size()));
  }

  private static JsonObject page(Path file, int n, String text) throws FormatException {
    return JsonObject.parse(file + " page " + n, "{}").put("page", text);
  }

  private static String text(Path file) throws IOException {
    if (!Files.isRegularFile(file)) throw new FormatException(file + ": no such file");
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": must be UTF-8 text; convert it, such as with iconv", e);
    }
  }

  /** The original download keeps the labels in a file beside, one per line. */
  private static void label(Path file, String suffix, List<JsonObject> documents)
      throws IOException {
    String name = String.valueOf(file.getFileName());
    int dot = name.indexOf('.');
    Path beside = file.resolveSibling((dot < 0 ? name : name.substring(0, dot)) + suffix);
    if (!Files.isRegularFile(beside)) return;
    List<String> labels = text(beside).lines().toList();
    for (int i = 0; i < documents.size(); i++) {
      if (documents.get(i).has("label")) continue;
      if (i >= labels.size())
        throw new FormatException(
            beside + ": has " + labels.size() + " labels, fewer than " + file + " has documents");
      documents.get(i).put("label", labels.get(i));
    }
  }
}
