package dev.outpost.transformer.text.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into text, tags and what stands in them; white space as Jinja treats it with
 * {@code trim_blocks} and {@code lstrip_blocks}.
 */
final class Lexer {
  enum Kind {
    TEXT,
    BLOCK_BEGIN,
    BLOCK_END,
    PRINT_BEGIN,
    PRINT_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  record Token(Kind kind, String text, int line) {
    boolean is(String operator) {
      return kind == Kind.OPERATOR && text.equals(operator);
    }

    boolean isName(String name) {
      return kind == Kind.NAME && text.equals(name);
    }
  }

  private static final Pattern TOKEN =
      Pattern.compile(
          "\\s++|(?<name>[A-Za-z_][A-Za-z0-9_]*+)"
              + "|(?<float>[0-9]++(?:\\.[0-9]++(?:[eE][+-]?[0-9]++)?|[eE][+-]?[0-9]++))"
              + "|(?<integer>[0-9]++)"
              + "|(?<operator>//|\\*\\*|==|!=|<=|>=|[-+*/%~<>=.,:|()\\[\\]{}])");

  private final String source;
  private final List<Token> out = new ArrayList<>();
  private int at;
  private int line = 1;
  private int counted;

  Lexer(String source) {
    String s = source.replace("\r\n", "\n").replace('\r', '\n');
    this.source = s.endsWith("\n") ? s.substring(0, s.length() - 1) : s;
  }

  List<Token> tokens() {
    boolean lineStarting = true;
    while (at < source.length()) {
      int open = nextTag();
      String text = source.substring(at, open < 0 ? source.length() : open);
      if (open < 0) {
        add(Kind.TEXT, text);
        at = source.length();
        break;
      }
      char kind = source.charAt(open + 1);
      char sign = open + 2 < source.length() ? source.charAt(open + 2) : ' ';
      if (sign == '-') text = text.stripTrailing();
      else if (sign != '+' && kind != '{') text = withoutIndent(text, lineStarting);
      if (!text.isEmpty()) add(Kind.TEXT, text);
      at = open + (sign == '-' || sign == '+' ? 3 : 2);
      lineStarting = kind == '#' ? comment() : tag(kind == '{');
    }
    out.add(new Token(Kind.END, "", line));
    return out;
  }

  private int nextTag() {
    for (int i = source.indexOf('{', at); i >= 0; i = source.indexOf('{', i + 1)) {
      char next = i + 1 < source.length() ? source.charAt(i + 1) : ' ';
      if (next == '{' || next == '%' || next == '#') return i;
    }
    return -1;
  }

  private static String withoutIndent(String text, boolean lineStarting) {
    int start = text.lastIndexOf('\n') + 1;
    return (start > 0 || lineStarting) && text.substring(start).isBlank()
        ? text.substring(0, start)
        : text;
  }

  private void add(Kind kind, String text) {
    while (counted < at) if (source.charAt(counted++) == '\n') line++;
    out.add(new Token(kind, text, line));
  }

  TemplateException wrong(String what) {
    while (counted < Math.min(at, source.length())) if (source.charAt(counted++) == '\n') line++;
    return new TemplateException("line " + line + ": " + what);
  }

  private boolean comment() {
    int close = source.indexOf("#}", at);
    if (close < 0) throw wrong("a comment has no end");
    boolean strip = close > at && source.charAt(close - 1) == '-';
    boolean keep = close > at && source.charAt(close - 1) == '+';
    at = close + 2;
    return behind(strip, !keep);
  }

  /** Takes the white space behind a tag; whether it ended a line. */
  private boolean behind(boolean strip, boolean trim) {
    int from = at;
    if (strip) {
      while (at < source.length() && Character.isWhitespace(source.charAt(at))) at++;
    } else if (trim && at < source.length() && source.charAt(at) == '\n') {
      at++;
    }
    return at > from && source.charAt(at - 1) == '\n';
  }

  private boolean tag(boolean print) {
    add(print ? Kind.PRINT_BEGIN : Kind.BLOCK_BEGIN, "");
    String close = print ? "}}" : "%}";
    int braces = 0;
    Matcher m = TOKEN.matcher(source);
    while (true) {
      if (at >= source.length()) throw wrong("a tag has no end " + close);
      char c = source.charAt(at);
      boolean signed = c == '-' || c == '+' && !print;
      if (braces == 0
          && (source.startsWith(close, at) || signed && source.startsWith(close, at + 1))) {
        add(print ? Kind.PRINT_END : Kind.BLOCK_END, "");
        at += signed ? 3 : 2;
        return behind(c == '-', !print && c != '+');
      }
      if (c == '"' || c == '\'') {
        string(c);
        continue;
      }
      m.region(at, source.length());
      if (!m.lookingAt()) throw wrong("\"" + c + "\" is not understood");
      if (m.group("name") != null) add(Kind.NAME, m.group());
      else if (m.group("float") != null) add(Kind.FLOAT, m.group());
      else if (m.group("integer") != null) add(Kind.INTEGER, m.group());
      else if (m.group("operator") != null) {
        add(Kind.OPERATOR, m.group());
        if ("([{".contains(m.group())) braces++;
        if (")]}".contains(m.group())) braces--;
      }
      at = m.end();
    }
  }

  private void string(char quote) {
    StringBuilder text = new StringBuilder();
    for (int i = at + 1; i < source.length(); i++) {
      char c = source.charAt(i);
      if (c == quote) {
        add(Kind.STRING, text.toString());
        at = i + 1;
        return;
      }
      if (c != '\\') {
        text.append(c);
        continue;
      }
      if (++i == source.length()) break;
      char e = source.charAt(i);
      switch (e) {
        case 'n' -> text.append('\n');
        case 't' -> text.append('\t');
        case 'r' -> text.append('\r');
        case '\\', '"', '\'' -> text.append(e);
        case '\n' -> {}
        case 'u' -> {
          if (i + 4 >= source.length()) throw wrong("a \\u escape is cut short");
          text.append((char) hex(source.substring(i + 1, i + 5)));
          i += 4;
        }
        default -> text.append('\\').append(e);
      }
    }
    throw wrong("a string has no end");
  }

  private int hex(String digits) {
    try {
      return Integer.parseUnsignedInt(digits, 16);
    } catch (NumberFormatException e) {
      throw wrong("\\u" + digits + " is no character");
    }
  }
}
