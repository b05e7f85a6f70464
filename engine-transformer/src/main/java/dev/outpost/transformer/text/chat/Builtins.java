package dev.outpost.transformer.text.chat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Filters, tests and the methods of texts, lists and dicts, as far as chat templates use them. */
final class Builtins {
  private static final int MOST_NESTED = 1000;

  private Builtins() {}

  /** Arguments, by place or by name. */
  record Given(List<@Nullable Object> positional, Map<String, @Nullable Object> named) {
    @Nullable Object at(int i, String name, @Nullable Object otherwise) {
      if (i < positional.size()) return positional.get(i);
      return named.getOrDefault(name, otherwise);
    }

    String text(int i, String name, String otherwise) {
      Object value = at(i, name, otherwise);
      if (value instanceof String s) return s;
      throw new TemplateException(name + " must be a string, is a " + Values.kind(value));
    }
  }

  static @Nullable Object filter(String name, @Nullable Object v, Given given) {
    return switch (name) {
      case "trim" -> strip(Values.text(v), given, true, true);
      case "lower" -> Values.text(v).toLowerCase(Locale.ROOT);
      case "upper" -> Values.text(v).toUpperCase(Locale.ROOT);
      case "capitalize" -> capitalized(Values.text(v));
      case "title" -> titled(Values.text(v));
      case "length", "count" -> length(v);
      case "string" -> Values.text(v);
      case "safe" -> v;
      case "int" -> integer(v, given.at(0, "default", 0L));
      case "list" -> new ArrayList<>(Values.items(v));
      case "first" -> {
        List<?> items = Values.items(v);
        yield items.isEmpty() ? Values.UNDEFINED : items.getFirst();
      }
      case "last" -> {
        List<?> items = Values.items(v);
        yield items.isEmpty() ? Values.UNDEFINED : items.getLast();
      }
      case "reverse" -> {
        List<@Nullable Object> reversed = new ArrayList<>(Values.items(v));
        Collections.reverse(reversed);
        yield v instanceof String ? joined(reversed, "") : reversed;
      }
      case "sort" -> {
        List<@Nullable Object> sorted = new ArrayList<>(Values.items(v));
        sorted.sort(Values::compare);
        yield sorted;
      }
      case "unique" -> unique(Values.items(v));
      case "join" -> {
        Object attribute = given.at(1, "attribute", null);
        List<@Nullable Object> items = new ArrayList<>();
        for (Object item : Values.items(v)) {
          items.add(attribute == null ? item : part(item, attribute));
        }
        yield joined(items, given.text(0, "d", ""));
      }
      case "replace" ->
          replaced(Values.text(v), given.text(0, "old", ""), given.text(1, "new", ""), -1);
      case "default", "d" -> {
        boolean missing =
            v == Values.UNDEFINED
                || Values.truth(given.at(1, "boolean", false)) && !Values.truth(v);
        yield missing ? given.at(0, "default_value", "") : v;
      }
      case "tojson" -> {
        Object indent = given.at(1, "indent", null);
        yield PythonJson.write(v, indent == null ? -1 : (int) Math.min(Values.toLong(indent), 16));
      }
      case "items" -> v == Values.UNDEFINED ? List.of() : pairs(dict(v));
      case "dictsort" -> {
        List<Object> sorted = pairs(dict(v));
        sorted.sort((a, b) ->
            Values.text(((List<?>) a).getFirst())
                .compareToIgnoreCase(Values.text(((List<?>) b).getFirst())));
        yield sorted;
      }
      case "selectattr", "rejectattr", "select", "reject" -> selected(name, v, given);
      case "map" -> mapped(v, given);
      default -> throw new TemplateException("the filter \"" + name + "\" is not supported");
    };
  }

  /** Each value once; lists and dicts among them are compared one by one, so only a few. */
  private static List<@Nullable Object> unique(List<?> items) {
    Set<@Nullable Object> plain = new HashSet<>();
    List<@Nullable Object> nested = new ArrayList<>();
    List<@Nullable Object> unique = new ArrayList<>();
    for (Object item : items) {
      boolean fresh;
      if (item == null || item instanceof String) fresh = plain.add(item);
      else if (Values.isNumber(item)) fresh = plain.add(Values.toDouble(item) + 0.0);
      else {
        fresh = !Values.contains(nested, item);
        if (fresh) nested.add(item);
      }
      if (nested.size() > MOST_NESTED)
        throw new TemplateException("unique: more than " + MOST_NESTED + " lists and dicts");
      if (fresh) unique.add(item);
    }
    return unique;
  }

  private static List<@Nullable Object> selected(String name, @Nullable Object v, Given given) {
    boolean attribute = name.endsWith("attr");
    boolean wanted = name.startsWith("select");
    int test = attribute ? 1 : 0;
    List<@Nullable Object> rest =
        given.positional().size() > test + 1
            ? given.positional().subList(test + 1, given.positional().size())
            : List.of();
    List<@Nullable Object> kept = new ArrayList<>();
    for (Object item : Values.items(v)) {
      Object subject = attribute ? part(item, given.text(0, "attribute", "")) : item;
      boolean holds =
          given.positional().size() > test
              ? test(given.text(test, "test", ""), subject, new Given(rest, Map.of()))
              : Values.truth(subject);
      if (holds == wanted) kept.add(item);
    }
    return kept;
  }

  private static List<@Nullable Object> mapped(@Nullable Object v, Given given) {
    List<@Nullable Object> out = new ArrayList<>();
    Object attribute = given.named().get("attribute");
    for (Object item : Values.items(v)) {
      if (attribute != null) {
        Object part = part(item, attribute);
        out.add(part == Values.UNDEFINED ? given.named().getOrDefault("default", part) : part);
        continue;
      }
      String filter = given.text(0, "filter", "");
      List<@Nullable Object> rest =
          given
              .positional()
              .subList(Math.min(1, given.positional().size()), given.positional().size());
      out.add(filter(filter, item, new Given(rest, given.named())));
    }
    return out;
  }

  static boolean test(String name, @Nullable Object v, Given given) {
    return switch (name) {
      case "defined" -> v != Values.UNDEFINED;
      case "undefined" -> v == Values.UNDEFINED;
      case "none" -> v == null;
      case "string" -> v instanceof String;
      case "mapping" -> v instanceof Map;
      case "sequence", "iterable" -> v instanceof List || v instanceof Map || v instanceof String;
      case "number" -> Values.isNumber(v);
      case "integer" -> v instanceof Long;
      case "float" -> v instanceof Double;
      case "boolean" -> v instanceof Boolean;
      case "true" -> Boolean.TRUE.equals(v);
      case "false" -> Boolean.FALSE.equals(v);
      case "callable" -> v instanceof Values.Function;
      case "odd" -> Math.floorMod(Values.toLong(v), 2) == 1;
      case "even" -> Math.floorMod(Values.toLong(v), 2) == 0;
      case "divisibleby" -> {
        long by = Values.toLong(given.at(0, "num", 1L));
        if (by == 0) throw new TemplateException("divides by 0");
        yield Values.toLong(v) % by == 0;
      }
      case "equalto", "eq", "==" -> Values.equal(v, given.at(0, "other", null));
      case "ne", "!=" -> !Values.equal(v, given.at(0, "other", null));
      case "gt", "greaterthan" -> Values.compare(v, given.at(0, "other", null)) > 0;
      case "lt", "lessthan" -> Values.compare(v, given.at(0, "other", null)) < 0;
      case "ge" -> Values.compare(v, given.at(0, "other", null)) >= 0;
      case "le" -> Values.compare(v, given.at(0, "other", null)) <= 0;
      case "in" -> Values.contains(given.at(0, "seq", null), v);
      case "lower" -> Values.text(v).equals(Values.text(v).toLowerCase(Locale.ROOT));
      case "upper" -> Values.text(v).equals(Values.text(v).toUpperCase(Locale.ROOT));
      default -> throw new TemplateException("the test \"" + name + "\" is not supported");
    };
  }

  /** A method of a value. */
  static Values.@Nullable Function method(@Nullable Object of, String name) {
    return switch (of) {
      case String s when isTextMethod(name) ->
          (List<@Nullable Object> p, Map<String, @Nullable Object> n) ->
              textMethod(s, name, new Given(p, n));
      case Map<?, ?> map ->
          switch (name) {
            case "items" -> (p, n) -> pairs(map);
            case "keys" -> (p, n) -> new ArrayList<>(map.keySet());
            case "values" -> (p, n) -> new ArrayList<>(map.values());
            case "get" ->
                (List<@Nullable Object> p, Map<String, @Nullable Object> n) -> {
                  Given given = new Given(p, n);
                  Object key = given.at(0, "key", null);
                  return key instanceof String s && map.containsKey(s)
                      ? map.get(s)
                      : given.at(1, "default", null);
                };
            default -> null;
          };
      case List<?> list ->
          switch (name) {
            case "index" ->
                (List<@Nullable Object> p, Map<String, @Nullable Object> n) -> {
                  Object wanted = new Given(p, n).at(0, "value", null);
                  for (int i = 0; i < list.size(); i++)
                    if (Values.equal(list.get(i), wanted)) return (long) i;
                  return -1L;
                };
            case "count" ->
                (List<@Nullable Object> p, Map<String, @Nullable Object> n) -> {
                  Object wanted = new Given(p, n).at(0, "value", null);
                  return list.stream().filter(x -> Values.equal(x, wanted)).count();
                };
            default -> null;
          };
      case null, default -> null;
    };
  }

  private static boolean isTextMethod(String name) {
    return List.of(
            "strip",
            "lstrip",
            "rstrip",
            "split",
            "rsplit",
            "splitlines",
            "startswith",
            "endswith",
            "replace",
            "upper",
            "lower",
            "title",
            "capitalize",
            "find",
            "count",
            "join",
            "isdigit")
        .contains(name);
  }

  private static Object textMethod(String s, String name, Given given) {
    return switch (name) {
      case "strip" -> strip(s, given, true, true);
      case "lstrip" -> strip(s, given, true, false);
      case "rstrip" -> strip(s, given, false, true);
      case "split" -> split(s, given, false);
      case "rsplit" -> split(s, given, true);
      case "splitlines" -> new ArrayList<Object>(s.lines().toList());
      case "startswith" -> prefixes(given).stream().anyMatch(s::startsWith);
      case "endswith" -> prefixes(given).stream().anyMatch(s::endsWith);
      case "replace" -> {
        Object most = given.at(2, "count", -1L);
        yield replaced(s, given.text(0, "old", ""), given.text(1, "new", ""), Values.toLong(most));
      }
      case "upper" -> s.toUpperCase(Locale.ROOT);
      case "lower" -> s.toLowerCase(Locale.ROOT);
      case "title" -> titled(s);
      case "capitalize" -> capitalized(s);
      case "find" -> {
        int at = s.indexOf(given.text(0, "sub", ""));
        yield at < 0 ? -1L : (long) s.codePointCount(0, at);
      }
      case "count" -> places(s, given.text(0, "sub", ""));
      case "join" -> joined(Values.items(given.at(0, "iterable", List.of())), s);
      case "isdigit" -> !s.isEmpty() && s.chars().allMatch(Character::isDigit);
      default -> throw new TemplateException("strings have no method " + name);
    };
  }

  private static List<String> prefixes(Given given) {
    Object wanted = given.at(0, "prefix", "");
    return wanted instanceof List<?> list
        ? list.stream().map(Values::text).toList()
        : List.of(given.text(0, "prefix", ""));
  }

  private static String replaced(String s, String old, String with, long most) {
    if (most < 0) {
      long grown = with.length() - (long) old.length();
      long places = grown <= 0 ? 0 : places(s, old);
      Values.requireRoom(s.length() + places * grown);
      return s.replace(old, with);
    }
    StringBuilder out = new StringBuilder();
    int done = 0;
    for (long n = 0; n < most; n++) {
      int at = s.indexOf(old, done);
      if (at < 0 || old.isEmpty()) break;
      out.append(s, done, at).append(with);
      Values.requireRoom(out.length());
      done = at + old.length();
    }
    return out.append(s.substring(done)).toString();
  }

  private static long places(String s, String part) {
    if (part.isEmpty()) return s.length() + 1L;
    long n = 0;
    for (int at = s.indexOf(part); at >= 0; at = s.indexOf(part, at + part.length())) n++;
    return n;
  }

  private static List<Object> split(String s, Given given, boolean fromRight) {
    Object separator = given.at(0, "sep", null);
    long most = Values.toLong(given.at(1, "maxsplit", -1L));
    if (separator == null) {
      if (most >= 0) throw new TemplateException("split with a limit needs a separator");
      return new ArrayList<>(
          Arrays.stream(s.strip().split("\\s+", -1)).filter(w -> !w.isEmpty()).toList());
    }
    String by = given.text(0, "sep", "");
    if (by.isEmpty()) throw new TemplateException("split: the separator must not be empty");
    List<Object> parts = new ArrayList<>();
    int from = 0;
    int to = s.length();
    while (most < 0 || parts.size() < most) {
      int at = fromRight ? s.lastIndexOf(by, to - by.length()) : s.indexOf(by, from);
      if (at < 0) break;
      parts.add(fromRight ? s.substring(at + by.length(), to) : s.substring(from, at));
      if (fromRight) to = at;
      else from = at + by.length();
      Values.requireItems(parts.size());
    }
    parts.add(s.substring(from, to));
    if (fromRight) Collections.reverse(parts);
    return parts;
  }

  private static String strip(String s, Given given, boolean left, boolean right) {
    Object wanted = given.at(0, "chars", null);
    BitSet characters = null;
    if (wanted != null) {
      characters = new BitSet();
      Values.text(wanted).chars().forEach(characters::set);
    }
    int from = 0;
    int to = s.length();
    while (left && from < to && stripped(s.charAt(from), characters)) from++;
    while (right && to > from && stripped(s.charAt(to - 1), characters)) to--;
    return s.substring(from, to);
  }

  private static boolean stripped(char c, @Nullable BitSet characters) {
    if (characters != null) return characters.get(c);
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  private static String capitalized(String s) {
    if (s.isEmpty()) return s;
    int first = s.offsetByCodePoints(0, 1);
    return s.substring(0, first).toUpperCase(Locale.ROOT)
        + s.substring(first).toLowerCase(Locale.ROOT);
  }

  private static String titled(String s) {
    StringBuilder out = new StringBuilder();
    boolean inWord = false;
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      out.append(inWord ? Character.toLowerCase(c) : Character.toUpperCase(c));
      inWord = Character.isLetter(c) || c == '\'' && inWord;
    }
    return out.toString();
  }

  private static Object length(@Nullable Object v) {
    return switch (v) {
      case String s -> (long) s.codePointCount(0, s.length());
      case List<?> list -> (long) list.size();
      case Map<?, ?> map -> (long) map.size();
      case null, default -> {
        if (v == Values.UNDEFINED) yield 0L;
        throw new TemplateException("a " + Values.kind(v) + " has no length");
      }
    };
  }

  private static @Nullable Object integer(@Nullable Object v, @Nullable Object otherwise) {
    if (v instanceof Double d) return d.longValue();
    if (Values.isNumber(v)) return Values.toLong(v);
    try {
      return v instanceof String s ? (Object) Long.parseLong(s.strip()) : otherwise;
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  private static String joined(List<?> items, String separator) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < items.size(); i++) {
      out.append(i == 0 ? "" : separator).append(Values.text(items.get(i)));
      Values.requireRoom(out.length());
    }
    return out.toString();
  }

  private static Map<?, ?> dict(@Nullable Object v) {
    if (v instanceof Map<?, ?> map) return map;
    throw new TemplateException("a " + Values.kind(v) + " has no items");
  }

  static List<Object> pairs(Map<?, ?> map) {
    List<Object> pairs = new ArrayList<>();
    map.forEach((key, value) -> pairs.add(Arrays.asList(key, value)));
    return pairs;
  }

  /** {@code a.b} of an item, as filters name it. */
  static @Nullable Object part(@Nullable Object of, Object name) {
    Object value = of;
    for (String step : Values.text(name).split("\\.", -1)) {
      value =
          value instanceof Map<?, ?> map && map.containsKey(step)
              ? map.get(step)
              : Values.UNDEFINED;
    }
    return value;
  }

  /** The arguments of {@code dict} and {@code namespace}. */
  static Map<String, @Nullable Object> fields(
      List<@Nullable Object> positional, Map<String, @Nullable Object> named) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    for (Object map : positional) dict(map).forEach((k, v) -> fields.put(Values.text(k), v));
    fields.putAll(named);
    return fields;
  }
}
