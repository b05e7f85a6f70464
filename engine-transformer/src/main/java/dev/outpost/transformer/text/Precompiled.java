package dev.outpost.transformer.text;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * SentencePiece's table of replacements: a double-array trie over UTF-8 bytes (Aoe 1989, as darts
 * lays it out) whose values are places in a list of texts that end with a zero. A grapheme of at
 * most five bytes is looked up whole, then character by character; of several entries that begin a
 * key the shortest counts, as in the reference.
 */
final class Precompiled implements Normalizer {
  private static final Pattern GRAPHEME = Pattern.compile("\\X");
  private static final int LONGEST_GRAPHEME = 5;

  private final int[] units;
  private final byte[] texts;

  private Precompiled(int[] units, byte[] texts) {
    this.units = units;
    this.texts = texts;
  }

  /**
   * Reads a {@code precompiled_charsmap}.
   *
   * @throws IllegalArgumentException if the map contradicts itself, with the rule it breaks
   */
  static Precompiled of(byte[] map) {
    ByteBuffer in = ByteBuffer.wrap(map).order(ByteOrder.LITTLE_ENDIAN);
    long size = map.length < 4 ? -1 : in.getInt() & 0xFFFFFFFFL;
    if (size < 4 || size > map.length - 4 || size % 4 != 0) {
      throw new IllegalArgumentException(
          "the trie's size must be a multiple of 4 within the map's " + map.length + " bytes");
    }
    int[] units = new int[(int) size / 4];
    in.asIntBuffer().get(units);
    byte[] texts = Arrays.copyOfRange(map, 4 + (int) size, map.length);
    try {
      CharBuffer _ = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(texts));
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException("the texts behind the trie must be UTF-8", e);
    }
    return new Precompiled(units, texts);
  }

  @Override
  public Span apply(Span in) {
    String text = in.text();
    StringBuilder out = new StringBuilder(text.length());
    Matcher graphemes = GRAPHEME.matcher(text);
    while (graphemes.find()) {
      String grapheme = graphemes.group();
      byte[] bytes = grapheme.getBytes(StandardCharsets.UTF_8);
      String whole = bytes.length <= LONGEST_GRAPHEME ? replacement(bytes) : null;
      if (whole != null) {
        out.append(whole);
        continue;
      }
      grapheme
          .codePoints()
          .forEach(c -> {
            String one = Character.toString(c);
            String other = replacement(one.getBytes(StandardCharsets.UTF_8));
            out.append(other == null ? one : other);
          });
    }
    return in.with(out.toString());
  }

  private @Nullable String replacement(byte[] key) {
    int node = offset(unit(0));
    for (byte b : key) {
      if (b == 0) return null;
      node ^= b & 0xFF;
      int unit = unit(node);
      if ((unit & 0x800000FF) != (b & 0xFF)) return null;
      node ^= offset(unit);
      if ((unit >> 8 & 1) == 1) return text(unit(node) & 0x7FFFFFFF);
    }
    return null;
  }

  /** The longest entry that begins a text. */
  record Match(int length, byte[] replacement) {}

  /** The longest entry that begins at {@code from}, as SentencePiece itself reads the table. */
  @Nullable Match longest(byte[] text, int from) {
    int node = offset(unit(0));
    int length = 0;
    int place = 0;
    for (int i = from; i < text.length && text[i] != 0; i++) {
      node ^= text[i] & 0xFF;
      int unit = unit(node);
      if ((unit & 0x800000FF) != (text[i] & 0xFF)) break;
      node ^= offset(unit);
      if ((unit >> 8 & 1) == 0) continue;
      length = i + 1 - from;
      place = unit(node) & 0x7FFFFFFF;
    }
    if (length == 0 || place > texts.length) return null;
    int end = place;
    while (end < texts.length && texts[end] != 0) end++;
    return new Match(length, Arrays.copyOfRange(texts, place, end));
  }

  // A damaged map may lead anywhere; outside there is nothing.
  private int unit(int node) {
    return node >= 0 && node < units.length ? units[node] : 0x80000000;
  }

  private static int offset(int unit) {
    return unit >>> 10 << ((unit & 1 << 9) >> 6);
  }

  private @Nullable String text(int start) {
    if (start > texts.length) return null;
    int end = start;
    while (end < texts.length && texts[end] != 0) end++;
    return new String(texts, start, end - start, StandardCharsets.UTF_8);
  }
}
