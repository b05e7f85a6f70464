package dev.outpost.transformer.text;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Strings that tokenizers get wrong: drawn from a seed, the same on every machine. */
final class DifficultText {
  private static final List<String> FRAGMENTS =
      List.of(
          "the ",
          "The",
          " of",
          "don't",
          "DON'T",
          "we'll've",
          "'s",
          "'S",
          "’s",
          "it's's",
          "I'm ",
          "'ſ",
          " ",
          "  ",
          "   \t ",
          "\n",
          "\r\n",
          "\n\n\n",
          "\r",
          "\t",
          "\u00A0",
          "\u2003",
          "\u3000",
          "\u0085",
          "\u2028",
          "\u200B",
          "\uFEFF",
          "\0",
          "\u0001",
          "\u007F",
          "\u001F",
          "\u001C",
          "for (int i = 0; i < n; i++) {",
          "0x1F",
          "3.14159",
          "1234567890",
          "x²",
          "½",
          "Ⅻ",
          "٣٤٥",
          "一二三",
          "naïve",
          "nai\u0308ve",
          "e\u0301\u0323",
          "Å",
          "A\u030A",
          "ﬁ",
          "ß",
          "İ",
          "ǅ",
          "ª",
          "ʰ",
          "Привет",
          "мир",
          "Ελλάδα",
          "שָׁלוֹם",
          "مرحبا، ",
          "नमस्ते",
          "สวัสดี",
          "你好,世界。",
          "こんにちは",
          "안녕",
          "각",
          "👍",
          "👩‍👩‍👧‍👦",
          "🏳️‍🌈",
          "🇩🇪",
          "✂\uFE0F",
          "𝔘𝔫𝔦",
          "𐍈",
          "😀😀",
          "\uFFFD",
          "\uFFFF",
          "\uDBFF\uDFFF",
          "<|endoftext|>",
          "<|endoftext|",
          "<|pad|>",
          "<mask>",
          "<word>",
          "<wide>",
          "<norm>",
          "é<norm>",
          "<|a|>",
          "<|a|>b",
          "_",
          "__init__",
          "a_b",
          "-",
          "--",
          "...",
          "!?",
          "()[]{}",
          "\\",
          "\"",
          "#version",
          "Ġ",
          "Ċ",
          "Ń");

  private DifficultText() {}

  /** {@code count} strings of every kind. */
  static List<String> strings(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    List<String> out = new ArrayList<>(count);
    for (int i = 0; i < count; i++) out.add(string(random));
    return out;
  }

  private static String string(SplittableRandom random) {
    StringBuilder s = new StringBuilder();
    int parts = random.nextInt(random.nextInt(20) == 0 ? 80 : 9);
    for (int i = 0; i < parts; i++) {
      switch (random.nextInt(8)) {
        case 0, 1, 2, 3 -> s.append(FRAGMENTS.get(random.nextInt(FRAGMENTS.size())));
        case 4 -> s.appendCodePoint(codePoint(random, 0x80));
        case 5 -> s.appendCodePoint(codePoint(random, 0x3000));
        case 6 -> s.appendCodePoint(codePoint(random, 0x110000));
        default -> s.repeat(codePoint(random, 0x250), 1 + random.nextInt(12));
      }
    }
    return s.toString();
  }

  private static int codePoint(SplittableRandom random, int bound) {
    while (true) {
      int c = random.nextInt(bound);
      if (c < 0xD800 || c > 0xDFFF) return c;
    }
  }

  /** Any chars at all, unpaired surrogates among them. */
  static String chars(SplittableRandom random, int length) {
    StringBuilder s = new StringBuilder();
    for (int i = 0; i < length; i++) {
      int c = random.nextBoolean() ? 0xD7F0 + random.nextInt(0x820) : random.nextInt(300);
      s.append((char) c);
    }
    return s.toString();
  }
}
