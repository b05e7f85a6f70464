package dev.outpost.transformer.text.chat;

import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The values of a template: null, Boolean, Long, Double, String, List, Map, {@link #UNDEFINED}, and
 * what can be called. They behave as Python's.
 */
final class Values {
  /** What a name that is not there stands for: prints as nothing, is false, has no parts. */
  static final Object UNDEFINED = new Object();

  /** Variables that a loop may change; made by {@code namespace()}. */
  record Namespace(Map<String, @Nullable Object> variables) {}

  /** A function; refuses wrong arguments with a {@link TemplateException}. */
  @FunctionalInterface
  interface Function {
    @Nullable Object call(List<@Nullable Object> positional, Map<String, @Nullable Object> named);
  }

  private static final int MOST_CHARACTERS = 16 << 20;
  private static final int MOST_ITEMS = 1 << 20;
  private static final int DEEPEST = 100;
  private static final int MOST_COMPARED = 1000;

  private Values() {}

  /** Refuses a text that is longer than any conversation. */
  static void requireRoom(long characters) {
    if (characters > MOST_CHARACTERS)
      throw new TemplateException("writes more than " + MOST_CHARACTERS + " characters");
  }

  /** Refuses a text that falls into too many pieces. */
  static void requireItems(long items) {
    if (items > MOST_ITEMS)
      throw new TemplateException("takes a text into more than " + MOST_ITEMS + " pieces");
  }

  /** Refuses lists within lists that no file holds; {@code level} of them are open. */
  static void requireShallow(int level) {
    if (level > DEEPEST)
      throw new TemplateException("holds lists or dicts more than " + DEEPEST + " deep");
  }

  static boolean truth(@Nullable Object v) {
    return switch (v) {
      case null -> false;
      case Boolean b -> b;
      case Long n -> n != 0;
      case Double d -> d != 0;
      case String s -> !s.isEmpty();
      case List<?> list -> !list.isEmpty();
      case Map<?, ?> map -> !map.isEmpty();
      default -> v != UNDEFINED;
    };
  }

  /** As {@code str} writes it. */
  static String text(@Nullable Object v) {
    if (v == UNDEFINED) return "";
    return v instanceof String s ? s : representation(v);
  }

  /** As {@code repr} writes it. */
  static String representation(@Nullable Object v) {
    StringBuilder out = new StringBuilder();
    represent(v, out, 0);
    return out.toString();
  }

  private static void represent(@Nullable Object v, StringBuilder out, int level) {
    requireShallow(level);
    requireRoom(out.length());
    switch (v) {
      case null -> out.append("None");
      case Boolean b -> out.append(b ? "True" : "False");
      case Long n -> out.append(n);
      case Double d -> out.append(number(d));
      case String s -> quote(s, out);
      case List<?> list -> {
        String separator = "[";
        for (Object item : list) {
          out.append(separator);
          represent(item, out, level + 1);
          separator = ", ";
        }
        out.append(list.isEmpty() ? "[]" : "]");
      }
      case Map<?, ?> map -> {
        String separator = "{";
        for (Map.Entry<?, ?> e : map.entrySet()) {
          out.append(separator);
          represent(e.getKey(), out, level + 1);
          out.append(": ");
          represent(e.getValue(), out, level + 1);
          separator = ", ";
        }
        out.append(map.isEmpty() ? "{}" : "}");
      }
      default -> {
        if (v == UNDEFINED) out.append("Undefined");
        else throw new TemplateException("a " + kind(v) + " has no text");
      }
    }
  }

  private static void quote(String s, StringBuilder out) {
    char quote = s.indexOf('\'') >= 0 && s.indexOf('"') < 0 ? '"' : '\'';
    out.append(quote);
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      switch (c) {
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\\' -> out.append("\\\\");
        default -> {
          if (c == quote) out.append('\\');
          out.append(c);
        }
      }
    }
    out.append(quote);
  }

  /** The shortest digits that read back as the number, laid out as Python does. */
  static String number(double d) {
    if (Double.isNaN(d)) return "nan";
    if (Double.isInfinite(d)) return d > 0 ? "inf" : "-inf";
    if (d == Math.rint(d) && Math.abs(d) < 1e16) return String.valueOf((long) d) + ".0";
    double size = Math.abs(d);
    if (size >= 1e-4 && size < 1e16) return new BigDecimal(Double.toString(d)).toPlainString();
    String java = Double.toString(d).replace(".0E", "E");
    int e = java.indexOf('E');
    int exponent = Integer.parseInt(java.substring(e + 1));
    return java.substring(0, e)
        + (exponent < 0 ? "e-" : "e+")
        + (Math.abs(exponent) < 10 ? "0" : "")
        + Math.abs(exponent);
  }

  static String kind(@Nullable Object v) {
    return switch (v) {
      case null -> "None";
      case Boolean _ -> "bool";
      case Long _ -> "int";
      case Double _ -> "float";
      case String _ -> "string";
      case List<?> _ -> "list";
      case Map<?, ?> _ -> "dict";
      case Namespace _ -> "namespace";
      default -> v == UNDEFINED ? "undefined value" : "function";
    };
  }

  static boolean equal(@Nullable Object a, @Nullable Object b) {
    return equal(a, b, new int[1], 0);
  }

  /** One list may stand in another many times over, so the parts compared are counted. */
  private static boolean equal(@Nullable Object a, @Nullable Object b, int[] compared, int level) {
    requireShallow(level);
    if (++compared[0] > MOST_COMPARED)
      throw new TemplateException("compares lists of more than " + MOST_COMPARED + " parts");
    if (isNumber(a) && isNumber(b)) return toDouble(a) == toDouble(b);
    if (a instanceof List<?> l && b instanceof List<?> r) {
      if (l.size() != r.size()) return false;
      for (int i = 0; i < l.size(); i++)
        if (!equal(l.get(i), r.get(i), compared, level + 1)) return false;
      return true;
    }
    if (a instanceof Map<?, ?> l && b instanceof Map<?, ?> r) {
      if (l.size() != r.size()) return false;
      for (Map.Entry<?, ?> e : l.entrySet())
        if (!r.containsKey(e.getKey())
            || !equal(e.getValue(), r.get(e.getKey()), compared, level + 1)) return false;
      return true;
    }
    return a instanceof String s ? s.equals(b) : a == b;
  }

  static boolean isNumber(@Nullable Object v) {
    return v instanceof Long || v instanceof Double || v instanceof Boolean;
  }

  static double toDouble(@Nullable Object v) {
    return switch (v) {
      case Long n -> n;
      case Double d -> d;
      case Boolean b -> b ? 1 : 0;
      case null, default -> throw new TemplateException("a " + kind(v) + " is no number");
    };
  }

  static long toLong(@Nullable Object v) {
    return switch (v) {
      case Long n -> n;
      case Boolean b -> b ? 1 : 0;
      case null, default -> throw new TemplateException("a " + kind(v) + " is no whole number");
    };
  }

  static int compare(@Nullable Object a, @Nullable Object b) {
    if (isNumber(a) && isNumber(b)) return Double.compare(toDouble(a), toDouble(b));
    if (a instanceof String s && b instanceof String t) return s.compareTo(t);
    throw new TemplateException("a " + kind(a) + " and a " + kind(b) + " have no order");
  }

  static boolean contains(@Nullable Object in, @Nullable Object item) {
    return switch (in) {
      case String s when item instanceof String part -> s.contains(part);
      case List<?> list -> list.stream().anyMatch(x -> equal(x, item));
      case Map<?, ?> map -> item instanceof String key && map.containsKey(key);
      case null, default -> {
        if (in == UNDEFINED) yield false;
        throw new TemplateException("in does not go with a " + kind(in));
      }
    };
  }

  /** What a loop goes over. */
  static List<?> items(@Nullable Object v) {
    return switch (v) {
      case List<?> list -> list;
      case Map<?, ?> map -> List.copyOf(map.keySet());
      case String s -> {
        requireItems(s.length());
        yield s.codePoints().mapToObj(Character::toString).toList();
      }
      case null, default -> {
        if (v == UNDEFINED) yield List.of();
        throw new TemplateException("a " + kind(v) + " cannot be gone through");
      }
    };
  }
}
