package dev.outpost.transformer.eval;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The tasks of the offsite-tuning papers, and those in files. */
public final class Tasks {
  private static final List<String> NAMES =
      List.of(
          "openbookqa",
          "piqa",
          "arc_easy",
          "arc_challenge",
          "hellaswag",
          "sciq",
          "webqs",
          "race",
          "wikitext");

  private Tasks() {}

  /** Names of the tasks that come along. */
  public static List<String> names() {
    return NAMES;
  }

  /**
   * A task by name, or from a file that describes one.
   *
   * @throws FormatException if it is neither
   */
  public static Task of(String nameOrFile) throws IOException {
    if (NAMES.contains(nameOrFile)) {
      try (InputStream in = Tasks.class.getResourceAsStream(nameOrFile + ".json")) {
        if (in == null) throw new IllegalStateException("a task of this library is missing");
        return new Task(
            JsonObject.parse(nameOrFile, new String(in.readAllBytes(), StandardCharsets.UTF_8)));
      }
    }
    Path file = Path.of(nameOrFile);
    if (!Files.isRegularFile(file))
      throw new FormatException(
          "task " + nameOrFile + ": must be one of " + NAMES + ", or a file that describes one");
    return new Task(JsonObject.read(file));
  }
}
