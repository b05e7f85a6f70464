package dev.outpost.transformer.eval;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads what Python prints of lists, dicts and strings: some data sets store such text in a field.
 */
final class PythonLiteral {
  private static final int MAX_DEPTH = 32;
  private final String text;
  private int at;

  private PythonLiteral(String text) {
    this.text = text;
  }

  /**
   * The value: List, Map or String.
   *
   * @throws IllegalArgumentException saying where it is none
   */
  static Object read(String text) {
    PythonLiteral p = new PythonLiteral(text);
    Object value = p.value(0);
    p.space();
    if (p.at < text.length()) throw p.wrong("more follows the value");
    return value;
  }

  private IllegalArgumentException wrong(String what) {
    return new IllegalArgumentException(what + " at character " + at);
  }

  private void space() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) at++;
  }

  private boolean eat(char c) {
    space();
    if (at >= text.length() || text.charAt(at) != c) return false;
    at++;
    return true;
  }

  private void need(char c) {
    if (!eat(c)) throw wrong("expected " + c);
  }

  private Object value(int depth) {
    if (depth > MAX_DEPTH) throw wrong("too deeply nested");
    if (eat('[')) {
      List<Object> items = new ArrayList<>();
      while (!eat(']')) {
        items.add(value(depth + 1));
        if (!eat(',')) {
          need(']');
          break;
        }
      }
      return items;
    }
    if (eat('{')) {
      Map<String, Object> fields = new LinkedHashMap<>();
      while (!eat('}')) {
        String name = string();
        need(':');
        fields.put(name, value(depth + 1));
        if (!eat(',')) {
          need('}');
          break;
        }
      }
      return fields;
    }
    return string();
  }

  private String string() {
    space();
    char quote = at < text.length() ? text.charAt(at) : 0;
    if (quote != '\'' && quote != '"') throw wrong("expected a string, list or dict");
    at++;
    StringBuilder out = new StringBuilder();
    while (at < text.length() && text.charAt(at) != quote) {
      char c = text.charAt(at++);
      if (c == '\\') escape(out);
      else out.append(c);
    }
    if (at >= text.length()) throw wrong("the string does not end");
    at++;
    return out.toString();
  }

  private void escape(StringBuilder out) {
    char c = at < text.length() ? text.charAt(at++) : 0;
    switch (c) {
      case 'n' -> out.append('\n');
      case 't' -> out.append('\t');
      case 'r' -> out.append('\r');
      case '\\', '\'', '"' -> out.append(c);
      case 'x' -> out.appendCodePoint(hex(2));
      case 'u' -> out.appendCodePoint(hex(4));
      case 'U' -> out.appendCodePoint(hex(8));
      default -> throw wrong("unknown escape \\" + c);
    }
  }

  private int hex(int digits) {
    try {
      int code = Integer.parseInt(text, at, at + digits, 16);
      at += digits;
      if (!Character.isValidCodePoint(code)) throw wrong("no such character");
      return code;
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      throw wrong("expected " + digits + " hexadecimal digits");
    }
  }
}
