package dev.outpost.transformer.data;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Locale;
import java.util.Queue;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/**
 * A file of JSON objects, one per line, read one at a time; empty lines are passed over. A file
 * that is one JSON array of objects, up to 16 MiB, is read as if each stood on a line. {@code .gz}
 * is unpacked on the way. Every error names the file and the line.
 */
public final class JsonLines implements Closeable {
  private static final int MAX_LINE = 16 << 20;

  private final Path file;
  private final InputStream in;
  private final Queue<JsonObject> items = new ArrayDeque<>();
  private byte[] buffer = new byte[8192];
  private long number;

  private JsonLines(Path file, InputStream in) {
    this.file = file;
    this.in = in;
  }

  /** Opens a file. */
  public static JsonLines open(Path file) throws IOException {
    if (!Files.isRegularFile(file))
      throw new FormatException(file + ": no such file; a file of JSON lines is needed");
    InputStream raw = Files.newInputStream(file);
    try {
      boolean packed = file.toString().toLowerCase(Locale.ROOT).endsWith(".gz");
      JsonLines lines =
          new JsonLines(
              file, new BufferedInputStream(packed ? new GZIPInputStream(raw) : raw, 1 << 16));
      lines.begin();
      return lines;
    } catch (ZipException | EOFException e) {
      raw.close();
      throw new FormatException(file + ": is no readable gzip file: " + e.getMessage(), e);
    } catch (IOException e) {
      raw.close();
      throw e;
    }
  }

  /** Whether a file's name says that it holds JSON. */
  public static boolean names(Path file) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".gz")) name = name.substring(0, name.length() - 3);
    return name.endsWith(".jsonl") || name.endsWith(".json") || name.endsWith(".ndjson");
  }

  private void begin() throws IOException {
    in.mark(1 << 12);
    byte[] head = in.readNBytes(3);
    if (!Arrays.equals(head, new byte[] {(byte) 0xef, (byte) 0xbb, (byte) 0xbf})) in.reset();
    in.mark(1 << 12);
    int c = in.read();
    for (int i = 0; i < 1 << 11 && (c == ' ' || c == '\n' || c == '\r' || c == '\t'); i++)
      c = in.read();
    in.reset();
    if (c != '[') return;
    byte[] all = in.readNBytes(MAX_LINE + 1);
    if (all.length > MAX_LINE)
      throw new FormatException(
          file + ": a JSON array may have 16 MiB; write one object per line instead");
    items.addAll(
        JsonObject.parse(file.toString(), "{\"items\":" + decode(all, all.length) + "}")
            .objects("items"));
  }

  /** The next object, or null at the end. */
  public @Nullable JsonObject next() throws IOException {
    if (!items.isEmpty()) {
      number++;
      return items.poll();
    }
    while (true) {
      int n = line();
      if (n < 0) return null;
      String text = decode(buffer, n);
      if (!text.isBlank()) return JsonObject.parse(file + " line " + number, text);
    }
  }

  /** Lines, or items of the array, read so far. */
  public long lineNumber() {
    return number;
  }

  /** Reads up to and without the line's end; −1 at the end of the file. */
  private int line() throws IOException {
    int n = 0;
    int c;
    try {
      c = in.read();
      if (c < 0) return -1;
      number++;
      for (; c >= 0 && c != '\n'; c = in.read()) {
        if (n == MAX_LINE)
          throw new FormatException(
              file + " line " + number + ": is longer than 16 MiB; split it into several lines");
        if (n == buffer.length) buffer = Arrays.copyOf(buffer, Math.min(2 * n, MAX_LINE));
        buffer[n++] = (byte) c;
      }
    } catch (ZipException | EOFException e) {
      throw new FormatException(
          file + " line " + number + ": the gzip file is damaged or cut short; fetch it again", e);
    }
    return n;
  }

  private String decode(byte[] bytes, int n) throws FormatException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, 0, n)).toString();
    } catch (CharacterCodingException e) {
      throw new FormatException(
          file + " line " + number + ": is no UTF-8; convert the file, such as with iconv", e);
    }
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
