package dev.outpost.transformer.eval;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** WikiText's raw files: pages, and the text that its tokens were made from. */
final class Wikitext {
  /** Replacements in order; the first of each pair is an expression. */
  private static final List<Rule> RULES =
      List.of(
          Rule.plain("s '", "s'"),
          // Meant for apostrophes before digits, it looks for slashes: kept for equal figures.
          Rule.of("/' [0-9]/", "/'[0-9]/"),
          Rule.plain(" @-@ ", "-"),
          Rule.plain(" @,@ ", ","),
          Rule.plain(" @.@ ", "."),
          Rule.plain(" : ", ": "),
          Rule.plain(" ; ", "; "),
          Rule.plain(" . ", ". "),
          Rule.plain(" ! ", "! "),
          Rule.plain(" ? ", "? "),
          Rule.plain(" , ", ", "),
          Rule.of("\\(\\s*([^\\)]*?)\\s*\\)", "($1)"),
          Rule.of("\\[\\s*([^\\]]*?)\\s*\\]", "[$1]"),
          Rule.of("\\{\\s*([^}]*?)\\s*\\}", "{$1}"),
          Rule.of("\"\\s*([^\"]*?)\\s*\"", "\"$1\""),
          Rule.of("'\\s*([^']*?)\\s*'", "'$1'"),
          Rule.plain("= = = =", "===="),
          Rule.plain("= = =", "==="),
          Rule.plain("= =", "=="),
          Rule.plain(" ° ", "°"),
          Rule.plain(" \n", "\n"),
          Rule.plain("\n ", "\n"),
          Rule.plain(" N ", " 1 "),
          Rule.plain(" 's", "'s"));

  private static final Pattern SPACE = Pattern.compile("[\\s\\x1c-\\x1f\\x85\\p{Z}]+");

  private Wikitext() {}

  private record Rule(Pattern from, String to) {
    static Rule plain(String from, String to) {
      return new Rule(Pattern.compile(Pattern.quote(from)), to);
    }

    static Rule of(String expression, String to) {
      // The white space that Python's \s knows.
      return new Rule(
          Pattern.compile(expression.replace("\\s", "[\\s\\x1c-\\x1f\\x85\\p{Z}]")), to);
    }
  }

  static String detokenized(String page) {
    String s = page;
    for (Rule r : RULES) s = r.from.matcher(s).replaceAll(r.to);
    return s;
  }

  /** Pieces between white space, empty ones at the ends included. */
  static long words(String text) {
    return SPACE.split(text, -1).length;
  }

  /** The pages of a raw file: each begins with a heading of the first level. */
  static List<String> pages(String raw) {
    List<String> pages = new ArrayList<>();
    StringBuilder page = new StringBuilder();
    boolean begun = false;
    for (String line : raw.split("\n", -1)) {
      String heading = line.replace("= = =", "===").replace("= =", "==").strip();
      if (heading.startsWith("= ") && heading.endsWith(" =")) {
        if (!page.toString().isBlank()) pages.add(page.toString());
        page.setLength(0);
        begun = false;
      }
      if (begun) page.append('\n');
      page.append(line);
      begun = true;
    }
    if (!page.toString().isBlank()) pages.add(page.toString());
    return pages;
  }
}
