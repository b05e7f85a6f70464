package dev.outpost.transformer.text;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What SentencePiece does to a text before it is spelled. Unlike {@link Precompiled} alone, which
 * is the Hugging Face library's reading of the same table, the longest entry counts wherever it
 * ends. User-defined pieces are not replaced.
 */
final class SentencePieceNormalizer implements Normalizer {
  private static final byte[] SPACE = Pieces.SPACE.getBytes(StandardCharsets.UTF_8);

  /**
   * What a model's file asks for.
   *
   * @param addDummyPrefix a space before each text, or behind it where white space ends words
   * @param removeExtraWhitespaces none at the ends, one where there are several
   * @param escapeWhitespaces spaces become {@value Pieces#SPACE}
   * @param whitespaceAsSuffix whether white space ends words
   */
  record Options(
      boolean addDummyPrefix,
      boolean removeExtraWhitespaces,
      boolean escapeWhitespaces,
      boolean whitespaceAsSuffix) {}

  private final Options options;
  private final @Nullable Precompiled table;
  private final TokenTrie kept;

  /**
   * @param table replacements; null for none
   * @param kept what is not replaced
   */
  SentencePieceNormalizer(Options options, @Nullable Precompiled table, Map<String, Integer> kept) {
    this.options = options;
    this.table = table;
    Map<String, Integer> bytes = new java.util.LinkedHashMap<>();
    kept.forEach((text, id) -> bytes.put(Pieces.utf8(text), id));
    this.kept = new TokenTrie(bytes);
  }

  @Override
  public Span apply(Span in) {
    return in.with(new Run(in.text().getBytes(StandardCharsets.UTF_8)).text());
  }

  private final class Run {
    private final byte[] in;
    private final ByteArrayOutputStream out;
    // The stretch last taken: its replacement, or where it stands in the text.
    private byte[] part = new byte[0];
    private int from;
    private int to;

    Run(byte[] in) {
      this.in = in;
      out = new ByteArrayOutputStream(in.length + in.length / 4 + 3);
    }

    String text() {
      int at = 0;
      boolean squeeze = options.removeExtraWhitespaces();
      while (squeeze && at < in.length) {
        int taken = take(at);
        if (to - from != 1 || part[from] != ' ') break;
        at += taken;
      }
      if (at >= in.length) return "";
      if (options.addDummyPrefix() && !options.whitespaceAsSuffix()) space();
      boolean behindSpace = squeeze;
      while (at < in.length) {
        at += take(at);
        while (behindSpace && from < to && part[from] == ' ') from++;
        if (from < to) {
          for (int i = from; i < to; i++) {
            if (part[i] == ' ') space();
            else out.write(part[i]);
          }
          behindSpace = part[to - 1] == ' ';
        }
        behindSpace &= squeeze;
      }
      String text = out.toString(StandardCharsets.UTF_8);
      String space = options.escapeWhitespaces() ? Pieces.SPACE : " ";
      int end = text.length();
      while (squeeze && end > 0 && text.startsWith(space, end - 1)) end--;
      text = text.substring(0, end);
      return options.addDummyPrefix() && options.whitespaceAsSuffix() ? text + space : text;
    }

    private void space() {
      if (options.escapeWhitespaces()) out.writeBytes(SPACE);
      else out.write(' ');
    }

    /** Sets the next stretch and returns how many bytes of the text it takes. */
    private int take(int at) {
      int length = kept(at);
      if (length == 0 && table != null) {
        Precompiled.Match match = table.longest(in, at);
        if (match != null) {
          part = match.replacement();
          from = 0;
          to = part.length;
          return match.length();
        }
      }
      if (length == 0) {
        length = 1;
        while (at + length < in.length && (in[at + length] & 0xC0) == 0x80) length++;
      }
      part = in;
      from = at;
      to = at + length;
      return length;
    }

    private int kept(int at) {
      int length = 0;
      int node = kept.child(TokenTrie.ROOT, (char) (in[at] & 0xFF));
      for (int i = at + 1; node != TokenTrie.NONE; i++) {
        if (kept.id(node) != TokenTrie.NONE) length = i - at;
        node = i < in.length ? kept.child(node, (char) (in[i] & 0xFF)) : TokenTrie.NONE;
      }
      return length;
    }
  }
}
