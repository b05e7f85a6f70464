package dev.outpost.offsite.emulator;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The settings of one step, from a recipe file ({@code {"step": "layer-drop", "keep": 8}}) or a
 * command line ({@code layer-drop:keep=8}). Reading a setting makes it known; {@link #done} refuses
 * those that nobody asked for.
 */
public final class StepSettings {
  private final JsonObject json;
  private final String step;
  private final Set<String> known = new TreeSet<>(Set.of("step"));

  private StepSettings(JsonObject json, String step) {
    this.json = json;
    this.step = step;
  }

  /** From a recipe file's object. */
  public static StepSettings of(JsonObject json) throws FormatException {
    return new StepSettings(json, json.string("step"));
  }

  /** From {@code name:key=value,key=value}; a value {@code a+b} is a list. */
  public static StepSettings parse(String text) {
    int colon = text.indexOf(':');
    String name = (colon < 0 ? text : text.substring(0, colon)).strip();
    JsonObject json = JsonObject.create().put("step", name);
    if (colon >= 0)
      for (String pair : text.substring(colon + 1).split(",", -1)) {
        int equals = pair.indexOf('=');
        if (equals < 1)
          throw new IllegalArgumentException(
              "step "
                  + name
                  + ": settings read KEY=VALUE with commas between them, got \""
                  + pair
                  + "\"");
        json.put(pair.substring(0, equals).strip(), value(pair.substring(equals + 1).strip()));
      }
    return new StepSettings(json, name);
  }

  private static Object value(String text) {
    if (text.equals("true") || text.equals("false")) return Boolean.valueOf(text);
    try {
      return Long.valueOf(text);
    } catch (NumberFormatException notWhole) {
      try {
        return Double.valueOf(text);
      } catch (NumberFormatException notNumber) {
        return text.indexOf('+') > 0 ? List.of(text.split("\\+")) : text;
      }
    }
  }

  /** The step's name. */
  public String step() {
    return step;
  }

  /** Whether a setting is given. */
  public boolean has(String field) {
    known.add(field);
    return json.has(field);
  }

  /** A whole number that must be given. */
  public int integer(String field, int min, int max) {
    if (!has(field)) throw wrong(field, "is missing; expected a whole number from " + min);
    return integer(field, min, max, min);
  }

  /** A whole number. */
  public int integer(String field, int min, int max, int otherwise) {
    double v = number(field, min, max, otherwise);
    if (v != Math.rint(v)) throw wrong(field, "must be a whole number, got " + v);
    return (int) v;
  }

  /** A number in [min, max]. */
  public double number(String field, double min, double max, double otherwise) {
    if (!has(field)) return otherwise;
    if (!(json.value(field) instanceof Number n))
      throw wrong(field, "must be a number, got \"" + json.value(field) + "\"");
    double v = n.doubleValue();
    if (!(v >= min && v <= max))
      throw wrong(field, "must be from " + plain(min) + " to " + plain(max) + ", got " + plain(v));
    return v;
  }

  private static String plain(double v) {
    return v == Math.rint(v) && Math.abs(v) < 1e15 ? "" + (long) v : "" + v;
  }

  /** True or false. */
  public boolean flag(String field, boolean otherwise) {
    if (!has(field)) return otherwise;
    if (!(json.value(field) instanceof Boolean b))
      throw wrong(field, "must be true or false, got \"" + json.value(field) + "\"");
    return b;
  }

  /** One of some words. */
  public String choice(String field, String otherwise, String... all) {
    if (!has(field)) return otherwise;
    String v = String.valueOf(json.value(field));
    if (!List.of(all).contains(v))
      throw wrong(field, "must be one of " + List.of(all) + ", got \"" + v + "\"");
    return v;
  }

  /** Any text, such as a path. */
  public Optional<String> text(String field) {
    return has(field) ? Optional.of(String.valueOf(json.value(field))) : Optional.empty();
  }

  /** Several words; a single one may stand without a list. */
  public List<String> words(String field, List<String> otherwise) {
    if (!has(field)) return otherwise;
    Object v = json.value(field);
    if (!(v instanceof List<?> all)) return List.of(String.valueOf(v));
    List<String> words = new ArrayList<>();
    for (Object one : all) words.add(String.valueOf(one));
    return List.copyOf(words);
  }

  /** Several whole numbers from {@code min}. */
  public List<Integer> integers(String field, int min) {
    List<Integer> all = new ArrayList<>();
    for (String word : words(field, List.of())) {
      try {
        all.add(Integer.valueOf(word));
      } catch (NumberFormatException e) {
        throw wrong(field, "must be whole numbers, such as 2+5+7, got \"" + word + "\"");
      }
      if (all.getLast() < min) throw wrong(field, "must be at least " + min + ", got " + word);
    }
    return all;
  }

  /** Refuses settings that were not asked for. */
  public void done() {
    for (String field : json.names())
      if (!known.contains(field)) {
        Set<String> others = new TreeSet<>(known);
        others.remove("step");
        throw wrong(field, "is unknown; this step knows " + others);
      }
  }

  /** An error that names the step and the setting. */
  public IllegalArgumentException wrong(String field, String rule) {
    return new IllegalArgumentException("step " + step + ": " + field + " " + rule);
  }
}
