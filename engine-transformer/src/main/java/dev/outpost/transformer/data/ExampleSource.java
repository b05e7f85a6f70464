package dev.outpost.transformer.data;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Examples in a fixed order, read one at a time: a corpus need not fit into memory. */
public interface ExampleSource extends Closeable {
  /** The next example, or null at the end. */
  @Nullable Example next() throws IOException;

  @Override
  void close() throws IOException;

  /**
   * Opens a file of JSON lines ({@code .jsonl}, {@code .json}, {@code .ndjson}, each also {@code
   * .gz}) or of plain text, which is one document.
   *
   * @param format of JSON lines
   */
  static ExampleSource open(Path file, ExampleFormat format) throws IOException {
    if (!JsonLines.names(file)) return TextExamples.open(file, Long.MAX_VALUE);
    JsonLines lines = JsonLines.open(file);
    return new ExampleSource() {
      @Override
      public @Nullable Example next() throws IOException {
        JsonObject line = lines.next();
        if (line == null) return null;
        Example e = format.read(line);
        if (e.whole().isEmpty())
          throw new FormatException(
              file + " line " + lines.lineNumber() + ": holds no text; remove it");
        return e;
      }

      @Override
      public void close() throws IOException {
        lines.close();
      }
    };
  }
}
