package dev.outpost.tornado;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Bytes as TornadoVM's property writes them: {@code 512MB}, {@code 24GB}. */
final class Sizes {
  private static final Pattern SIZE = Pattern.compile("(\\d{1,9})\\s*(B|KB|MB|GB)?");

  private Sizes() {}

  static long parse(String property, String text) {
    Matcher m = SIZE.matcher(text.strip().toUpperCase(Locale.ROOT));
    if (!m.matches())
      throw new IllegalArgumentException(
          property + ": must be a size such as 24GB, got \"" + text + "\"");
    long n = Long.parseLong(m.group(1));
    return switch (m.group(2) == null ? "B" : m.group(2)) {
      case "KB" -> n << 10;
      case "MB" -> n << 20;
      case "GB" -> n << 30;
      default -> n;
    };
  }
}
