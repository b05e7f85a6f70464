package dev.outpost.transformer.text;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/**
 * Character classes as the reference's normalizers and pre-tokenizers see them. Some of its tables
 * are of older versions of Unicode than the JDK's (8 to 17); what differs stands in a resource that
 * a sweep over all code points wrote, so that not one character is cut differently.
 */
enum ReferenceUnicode {
  /** General category M, which StripAccents removes. */
  MARK(
      1 << Character.NON_SPACING_MARK
          | 1 << Character.ENCLOSING_MARK
          | 1 << Character.COMBINING_SPACING_MARK),
  /** General category Mn, which BERT's normalizer removes as accents. */
  NONSPACING(1 << Character.NON_SPACING_MARK),
  /** General category P; ASCII signs of category S are added by {@link #has}. */
  PUNCTUATION(
      1 << Character.DASH_PUNCTUATION
          | 1 << Character.START_PUNCTUATION
          | 1 << Character.END_PUNCTUATION
          | 1 << Character.CONNECTOR_PUNCTUATION
          | 1 << Character.OTHER_PUNCTUATION
          | 1 << Character.INITIAL_QUOTE_PUNCTUATION
          | 1 << Character.FINAL_QUOTE_PUNCTUATION),
  /** General category N. */
  NUMERIC(
      1 << Character.DECIMAL_DIGIT_NUMBER
          | 1 << Character.LETTER_NUMBER
          | 1 << Character.OTHER_NUMBER),
  /** General categories Cc, Cf and Co. */
  CONTROL(1 << Character.CONTROL | 1 << Character.FORMAT | 1 << Character.PRIVATE_USE),
  /** What normal forms leave alone, because their tables do not know it. */
  NORMALIZATION(0);

  private static final class Differences {
    static final Map<ReferenceUnicode, BitSet> FLIPPED = read();

    private static Map<ReferenceUnicode, BitSet> read() {
      Map<ReferenceUnicode, BitSet> flipped = new EnumMap<>(ReferenceUnicode.class);
      try (InputStream in =
              Objects.requireNonNull(
                  ReferenceUnicode.class.getResourceAsStream("unicode-differences.txt"));
          BufferedReader lines =
              new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          if (line.startsWith("#")) continue;
          String[] words = line.split(" ", -1);
          BitSet set = new BitSet();
          for (int i = 1; i < words.length; i++) {
            String[] ends = words[i].split("-", -1);
            int last = Integer.parseInt(ends[ends.length - 1], 16);
            set.set(Integer.parseInt(ends[0], 16), last + 1);
          }
          flipped.put(valueOf(words[0]), set);
        }
        return flipped;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static final int FIRST_DIFFERENCE = 0x600;
  private final int types;

  ReferenceUnicode(int types) {
    this.types = types;
  }

  /** Whether a code point belongs to this class. */
  boolean has(int c) {
    boolean jdk = (types >> Character.getType(c) & 1) != 0;
    if (c < 0x80) return jdk || this == PUNCTUATION && Character.getType(c) >= 24 && c > ' ';
    return c < FIRST_DIFFERENCE
        ? jdk
        : jdk != Objects.requireNonNull(Differences.FLIPPED.get(this)).get(c);
  }
}
