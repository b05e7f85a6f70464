package dev.outpost.transformer.text;

/**
 * UTF-8 bytes to characters, one byte at a time. A wrong sequence becomes one U+FFFD for each
 * "maximal subpart" (Unicode 3.9, the WHATWG decoder, Rust's from_utf8_lossy). The JDK's decoder
 * differs: it gives one U+FFFD for an encoded surrogate where the rule gives three.
 */
final class Utf8Reader {
  private static final char REPLACEMENT = '\uFFFD';

  private int codePoint;
  private int needed;
  private int lower = 0x80;
  private int upper = 0xBF;
  private boolean wrong;

  /** Reads bytes that must be UTF-8 as a whole; false if they are not. */
  static boolean read(IntList bytes, StringBuilder out) {
    Utf8Reader reader = new Utf8Reader();
    for (int i = 0; i < bytes.size(); i++) reader.push(bytes.get(i), out);
    reader.finish(out);
    return !reader.wrong;
  }

  void push(int b, StringBuilder out) {
    if (needed > 0) {
      if (b >= lower && b <= upper) {
        lower = 0x80;
        upper = 0xBF;
        codePoint = codePoint << 6 | b & 0x3F;
        if (--needed == 0) out.appendCodePoint(codePoint);
        return;
      }
      finish(out);
    }
    start(b, out);
  }

  private void start(int b, StringBuilder out) {
    if (b < 0x80) {
      out.append((char) b);
    } else if (b >= 0xC2 && b <= 0xDF) {
      expect(1, b & 0x1F);
    } else if (b >= 0xE0 && b <= 0xEF) {
      // E0 would be overlong below A0; ED would be a surrogate above 9F.
      if (b == 0xE0) lower = 0xA0;
      if (b == 0xED) upper = 0x9F;
      expect(2, b & 0x0F);
    } else if (b >= 0xF0 && b <= 0xF4) {
      // F0 would be overlong below 90; F4 would exceed U+10FFFF above 8F.
      if (b == 0xF0) lower = 0x90;
      if (b == 0xF4) upper = 0x8F;
      expect(3, b & 0x07);
    } else {
      wrong = true;
      out.append(REPLACEMENT);
    }
  }

  private void expect(int bytes, int bits) {
    needed = bytes;
    codePoint = bits;
  }

  /** Ends the input: a character that lacks bytes becomes one U+FFFD. */
  void finish(StringBuilder out) {
    if (needed > 0) {
      wrong = true;
      out.append(REPLACEMENT);
    }
    needed = 0;
    lower = 0x80;
    upper = 0xBF;
  }
}
