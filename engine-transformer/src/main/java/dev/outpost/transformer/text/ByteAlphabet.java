package dev.outpost.transformer.text;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The 256 printable characters that stand for the 256 bytes in a byte-level vocabulary: printable
 * Latin-1 characters stand for themselves, the rest for U+0100 onwards in byte order, so that a
 * space is {@code Ġ} (GPT-2, bytes_to_unicode).
 */
final class ByteAlphabet {
  private static final char[] CHARACTERS = new char[256];
  private static final short[] BYTES = new short[0x144];

  static {
    Arrays.fill(BYTES, (short) -1);
    char next = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      CHARACTERS[b] = printable ? (char) b : next++;
      BYTES[CHARACTERS[b]] = (short) b;
    }
  }

  private ByteAlphabet() {}

  /** The character for a byte of 0 to 255. */
  static char character(int b) {
    return CHARACTERS[b];
  }

  /** The characters for some bytes. */
  static String spelling(byte[] bytes) {
    char[] spelling = new char[bytes.length];
    for (int i = 0; i < bytes.length; i++) spelling[i] = CHARACTERS[bytes[i] & 0xFF];
    return new String(spelling);
  }

  /** The bytes spelled by a token, or null if one of its characters stands for no byte. */
  static byte @Nullable [] bytes(String token) {
    byte[] bytes = new byte[token.length()];
    for (int i = 0; i < bytes.length; i++) {
      char c = token.charAt(i);
      if (c >= BYTES.length || BYTES[c] < 0) return null;
      bytes[i] = (byte) BYTES[c];
    }
    return bytes;
  }

  /** Whether every character of a token stands for a byte. */
  static boolean spells(String token) {
    for (int i = 0; i < token.length(); i++) {
      char c = token.charAt(i);
      if (c >= BYTES.length || BYTES[c] < 0) return false;
    }
    return true;
  }

  /** Whether a byte occurs in any UTF-8 text at all; C0, C1 and F5 to FF never do. */
  static boolean occursInText(int b) {
    return b != 0xC0 && b != 0xC1 && b < 0xF5;
  }
}
