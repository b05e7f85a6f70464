package dev.outpost.transformer.text;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;

/** Tokens such as {@code <0x0A>} by which SentencePiece spells what it has no token for. */
final class ByteTokens {
  private final int[] ids = new int[256];

  ByteTokens(Map<String, Integer> vocabulary) {
    for (int b = 0; b < 256; b++) ids[b] = vocabulary.getOrDefault(spelling(b), -1);
  }

  static String spelling(int b) {
    return "<0x" + HexFormat.of().withUpperCase().toHexDigits((byte) b) + ">";
  }

  /** The byte such a token stands for, or -1; as forgiving as the reference's parser. */
  static int value(String token) {
    if (token.length() != 6 || !token.startsWith("<0x") || !token.endsWith(">")) return -1;
    int high = Character.digit(token.charAt(3), 16);
    int low = Character.digit(token.charAt(4), 16);
    if (token.charAt(3) == '+' && low >= 0) return low;
    return high < 0 || low < 0 || token.charAt(3) > 'f' || token.charAt(4) > 'f'
        ? -1
        : high << 4 | low;
  }

  /** Adds the bytes' ids, or nothing and returns false if one of them has no token. */
  boolean spell(String text, IntList out) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    for (byte b : bytes) if (ids[b & 0xFF] < 0) return false;
    for (byte b : bytes) out.add(ids[b & 0xFF]);
    return true;
  }
}
