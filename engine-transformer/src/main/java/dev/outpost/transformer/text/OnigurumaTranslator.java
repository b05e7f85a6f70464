package dev.outpost.transformer.text;

import java.util.Locale;
import java.util.Set;
import java.util.regex.PatternSyntaxException;

/**
 * Writes a regular expression of Oniguruma's Ruby syntax in that of java.util.regex, to be compiled
 * with Unicode classes, many lines and Unix line ends. What has no equal is refused by name, not
 * guessed.
 */
final class OnigurumaTranslator {
  private static final int LONGEST = 8192;
  private static final int DEEPEST = 64;
  // In Latin-1 Oniguruma counts the small digits and fractions, and only there.
  private static final String WORD =
      "\\p{IsAlphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xB2\\xB3\\xB9\\xBC-\\xBE";
  private static final Set<String> CATEGORIES =
      Set.of(
          "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P",
          "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl",
          "Zp", "C", "Cc", "Cf", "Co");

  private final String in;
  private final StringBuilder out = new StringBuilder();
  private int at;
  private int depth;
  // Where the last thing that can be repeated begins in the output; -1 where there is none.
  private int atom = -1;
  private boolean repeated;

  OnigurumaTranslator(String expression) {
    in = expression;
  }

  String translate() {
    if (in.isEmpty() || in.length() > LONGEST) {
      throw new IllegalArgumentException("must have 1 to " + LONGEST + " characters");
    }
    alternatives();
    if (at < in.length()) throw wrong("has a ) without its (");
    try {
      java.util.regex.Pattern _ = java.util.regex.Pattern.compile(out.toString());
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException("is no regular expression: " + e.getDescription(), e);
    }
    return out.toString();
  }

  private IllegalArgumentException wrong(String what) {
    return new IllegalArgumentException(what + ", near place " + at);
  }

  private char next() {
    if (at == in.length()) throw wrong("ends early");
    return in.charAt(at++);
  }

  private boolean take(String prefix) {
    if (!in.startsWith(prefix, at)) return false;
    at += prefix.length();
    return true;
  }

  private void alternatives() {
    if (++depth > DEEPEST) throw wrong("is nested more than " + DEEPEST + " deep");
    atom = -1;
    while (at < in.length() && in.charAt(at) != ')') {
      char c = in.charAt(at);
      switch (c) {
        case '|' -> {
          at++;
          out.append('|');
          atom = -1;
        }
        case '^', '$' -> {
          at++;
          out.append(c);
          atom = -1;
        }
        case '(' -> group();
        case '*', '+', '?' -> repeat();
        case '{' -> interval();
        default -> one(c);
      }
    }
    depth--;
  }

  private void one(char c) {
    int start = out.length();
    if (c == '[') set();
    else if (c == '\\') escape(false, false);
    else literal();
    begin(out.length() > start && !endsAsAnchor(start) ? start : -1);
  }

  private void begin(int start) {
    atom = start;
    repeated = false;
  }

  private boolean endsAsAnchor(int start) {
    String written = out.substring(start);
    return Set.of("\\b", "\\B", "\\A", "\\z", "\\Z").contains(written);
  }

  private void literal() {
    int c = in.codePointAt(at);
    at += Character.charCount(c);
    if (c < 0x80 && !Character.isLetterOrDigit(c) && c > ' ') out.append('\\');
    out.appendCodePoint(c);
  }

  private void group() {
    int start = out.length();
    at++;
    if (take("?<=")) out.append("(?<=");
    else if (take("?<!")) out.append("(?<!");
    else if (take("?=")) out.append("(?=");
    else if (take("?!")) out.append("(?!");
    else if (take("?>")) out.append("(?>");
    else if (take("?:")) out.append("(?:");
    else if (take("?")) options(start);
    else out.append("(?:");
    if (out.charAt(out.length() - 1) == ')') return;
    alternatives();
    if (!take(")")) throw wrong("has a ( without its )");
    out.append(')');
    begin(start);
  }

  /** Ruby's i and m, which Java calls i and s. Bare options reach to the end: only at the start. */
  private void options(int start) {
    int from = at;
    while (at < in.length() && "im-".indexOf(in.charAt(at)) >= 0) at++;
    String options = in.substring(from, at).replace('m', 's');
    if (options.isEmpty()) throw wrong("has a kind of group that is not supported");
    if (take(":")) out.append("(?").append(options).append(':');
    else if (start == 0 && take(")")) out.append("(?").append(options).append(')');
    else throw wrong("has options that are not supported here");
  }

  private void repeat() {
    char c = next();
    again();
    out.append(c);
    // Lazy and possessive mean the same in both.
    if (at < in.length() && (in.charAt(at) == '?' || in.charAt(at) == '+')) out.append(next());
  }

  /** What is repeated already becomes a group: signs in a row mean something else in Java. */
  private void again() {
    if (atom < 0) throw wrong("repeats nothing");
    if (repeated) out.insert(atom, "(?:").append(')');
    repeated = true;
  }

  private void interval() {
    int close = in.indexOf('}', at);
    String body = close < 0 ? "" : in.substring(at + 1, close);
    if (!body.matches("[0-9]{1,4}(,[0-9]{0,4})?|,[0-9]{1,4}")) {
      int start = out.length();
      literal();
      begin(start);
      return;
    }
    // In Ruby a + behind an interval repeats it; in Java it would be possessive.
    again();
    at = close + 1;
    out.append('{').append(body.startsWith(",") ? "0" + body : body).append('}');
    if (take("?")) {
      if (body.indexOf(',') < 0) throw wrong("has {n}?, which is not supported");
      out.append('?');
    }
  }

  private void set() {
    if (++depth > DEEPEST) throw wrong("is nested more than " + DEEPEST + " deep");
    at++;
    boolean negated = take("^");
    out.append(negated ? "[^" : "[");
    if (take("]")) out.append("\\]");
    while (true) {
      if (at == in.length()) throw wrong("has a [ without its ]");
      char c = in.charAt(at);
      if (c == ']') break;
      if (c == '[') {
        if (in.startsWith("[:", at)) posix();
        else set();
      } else if (c == '\\') {
        escape(true, negated);
      } else if (in.startsWith("&&", at)) {
        at += 2;
        out.append("&&");
      } else if (c == '-') {
        at++;
        out.append(in.startsWith("]", at) ? "\\-" : "-");
      } else {
        literal();
      }
    }
    at++;
    out.append(']');
    depth--;
  }

  private void posix() {
    int close = in.indexOf(":]", at);
    String name = close < 0 ? "" : in.substring(at + 2, close);
    out.append(
        switch (name) {
          case "alpha" -> "\\p{IsAlphabetic}";
          case "digit" -> "\\p{Nd}";
          case "alnum" -> "\\p{IsAlphabetic}\\p{Nd}";
          case "space" -> "\\s";
          case "upper" -> "\\p{IsUppercase}";
          case "lower" -> "\\p{IsLowercase}";
          default -> throw wrong("has the class [:" + name + ":], which is not supported");
        });
    at = close + 2;
  }

  private void escape(boolean inSet, boolean inNegatedSet) {
    at++;
    char c = next();
    switch (c) {
      case 'p', 'P' -> property(c == 'P');
      case 's', 'S', 'd', 'D', 't', 'n', 'r', 'f', 'a', 'e' -> out.append('\\').append(c);
      case 'w' -> out.append(inSet ? WORD : "[" + WORD + "]");
      case 'W' -> {
        if (inNegatedSet) throw wrong("has \\W in a negated class, which is not supported");
        out.append("[^" + WORD + "]");
      }
      case 'h' -> out.append(inSet ? "0-9a-fA-F" : "[0-9a-fA-F]");
      case 'v' -> out.append("\\x0B");
      case 'x' -> hex(take("{") ? '}' : 0, 2);
      case 'u' -> hex(0, 4);
      case 'b' -> out.append(inSet ? "\\x08" : "\\b");
      case 'B', 'A', 'z', 'Z' -> {
        if (inSet) throw wrong("has \\" + c + " in a class");
        out.append('\\').append(c);
      }
      default -> {
        if (Character.isLetterOrDigit(c)) {
          throw wrong("has \\" + c + ", which is not supported");
        }
        at--;
        literal();
      }
    }
  }

  private void hex(int close, int most) {
    int from = at;
    int longest = close == 0 ? most : 6;
    while (at < in.length() && at - from < longest && Character.digit(in.charAt(at), 16) >= 0) at++;
    boolean closed = close == 0 || take("}");
    int digits = in.substring(from, at).replace("}", "").length();
    if (!closed || digits == 0) throw wrong("has a wrong hexadecimal character");
    int value = Integer.parseInt(in.substring(from, from + digits), 16);
    // Two digits are a byte in Oniguruma, part of a character from 80 on.
    boolean isByte = close == 0 && most == 2 && value >= 0x80;
    if (isByte || value > Character.MAX_CODE_POINT || value >= 0xD800 && value <= 0xDFFF) {
      throw wrong("has a hexadecimal character that is none");
    }
    out.append(String.format(Locale.ROOT, "\\x{%X}", value));
  }

  private void property(boolean inverse) {
    if (!take("{")) throw wrong("has \\p without {name}");
    boolean negated = inverse ^ take("^");
    int close = in.indexOf('}', at);
    if (close < 0) throw wrong("has \\p{ without }");
    String name = in.substring(at, close);
    at = close + 1;
    out.append(negated ? "\\P{" : "\\p{").append(javaName(name)).append('}');
  }

  private String javaName(String name) {
    if (CATEGORIES.contains(name)) return name;
    String plain = name.replaceAll("[ _-]", "").toLowerCase(Locale.ROOT);
    switch (plain) {
      case "letter" -> {
        return "L";
      }
      case "number" -> {
        return "N";
      }
      case "mark" -> {
        return "M";
      }
      case "punctuation" -> {
        return "P";
      }
      case "symbol" -> {
        return "S";
      }
      case "separator" -> {
        return "Z";
      }
      case "alpha", "alphabetic" -> {
        return "IsAlphabetic";
      }
      default -> {
        try {
          return "Is" + Character.UnicodeScript.forName(name.strip()).name();
        } catch (IllegalArgumentException e) {
          throw wrong("has \\p{" + name + "}, which is not supported");
        }
      }
    }
  }
}
