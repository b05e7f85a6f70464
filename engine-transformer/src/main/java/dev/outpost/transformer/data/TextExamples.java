package dev.outpost.transformer.data;

import dev.outpost.tensor.io.FormatException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A text file as one document, in pieces that fit into memory. A piece ends with a line whose
 * successor does not begin with white space, where tokens seldom cross; a text of one very long
 * line is cut anyway. Cut at a place of choice it is two documents, for training and for
 * validation.
 */
final class TextExamples implements ExampleSource {
  /** Characters after which a piece ends with the next line. */
  static final int PIECE = 1 << 18;

  private static final int MOST = 1 << 22;

  private final Path file;
  private final Reader in;
  private final long cut;
  private long bytes;
  private boolean begins = true;
  private boolean atCut;
  private int pending = -1;
  private boolean ended;

  private TextExamples(Path file, Reader in, long cut) {
    this.file = file;
    this.in = in;
    this.cut = cut;
  }

  /**
   * Opens a file.
   *
   * @param cut byte before or within whose character the first document ends
   */
  static TextExamples open(Path file, long cut) throws IOException {
    if (!Files.isRegularFile(file)) throw new FormatException(file + ": no such file");
    return new TextExamples(
        file,
        new BufferedReader(
            new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8.newDecoder()),
            1 << 16),
        cut);
  }

  /** Whether the last example given lies behind the cut. */
  boolean behindCut() {
    return atCut;
  }

  @Override
  public @Nullable Example next() throws IOException {
    if (ended) return null;
    StringBuilder piece = new StringBuilder();
    boolean first = begins;
    atCut = bytes >= cut;
    begins = false;
    int c = pending >= 0 ? pending : read();
    pending = -1;
    while (c >= 0) {
      if (!atCut && bytes >= cut && !Character.isLowSurrogate((char) c)) {
        begins = true;
        break;
      }
      if (isEnd(piece, c)) break;
      piece.append((char) c);
      bytes += width((char) c);
      c = read();
    }
    pending = c;
    ended = c < 0;
    if (piece.isEmpty()) return ended ? null : next();
    return new Example(List.of(new Example.Part(piece.toString(), true)), first, ended || begins);
  }

  private static boolean isEnd(StringBuilder piece, int c) {
    int n = piece.length();
    return n >= PIECE
        && ((piece.charAt(n - 1) == '\n' && !Whitespace.is((char) c))
            || (n >= MOST && !Character.isLowSurrogate((char) c)));
  }

  /** Bytes of a character in UTF-8; each half of a pair counts two. */
  private static int width(char c) {
    return c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
  }

  private int read() throws IOException {
    int c;
    try {
      c = in.read();
    } catch (CharacterCodingException e) {
      throw new FormatException(
          file
              + ": is no UTF-8 text after some "
              + bytes
              + " bytes; convert it first, such as with iconv -f LATIN1 -t UTF-8",
          e);
    }
    if (c == 0)
      throw new FormatException(
          file + ": holds a zero byte after some " + bytes + " bytes, so is no text");
    return c;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
