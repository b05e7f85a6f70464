package dev.outpost.tensor.io;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The typed key-value pairs at the head of a GGUF file. Whole numbers of any width are {@code
 * Long}, fractions {@code Double}, truth values {@code Boolean}, texts {@code String}, arrays
 * {@code List}. Accessors fail with the file, the key and the rule.
 */
public final class GgufMetadata {
  private final Path file;
  private final Map<String, Object> values;

  GgufMetadata(Path file, Map<String, Object> values) {
    this.file = file;
    this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  /** Keys in the file's order. */
  public Set<String> keys() {
    return values.keySet();
  }

  /** Whether the key is there. */
  public boolean has(String key) {
    return values.containsKey(key);
  }

  /**
   * The value as {@link GgufWriter} takes it; empty for an array it cannot write: one that is
   * empty, nested, or holds numbers beyond 32 bits.
   */
  public Optional<Object> writable(String key) {
    return switch (values.get(key)) {
      case Long n when n >= Integer.MIN_VALUE && n <= Integer.MAX_VALUE ->
          Optional.of(n.intValue());
      case Double d -> Optional.of(d.floatValue());
      case List<?> all when all.isEmpty() -> Optional.empty();
      case List<?> all when all.stream().allMatch(String.class::isInstance) -> Optional.of(all);
      case List<?> all when all.stream().allMatch(GgufMetadata::small) ->
          Optional.of(all.stream().mapToInt(o -> ((Long) o).intValue()).toArray());
      case List<?> all when all.stream().allMatch(Double.class::isInstance) -> {
        float[] numbers = new float[all.size()];
        for (int i = 0; i < numbers.length; i++) numbers[i] = ((Double) all.get(i)).floatValue();
        yield Optional.of(numbers);
      }
      case List<?> other -> Optional.empty();
      case null -> Optional.empty();
      case Object plain -> Optional.of(plain);
    };
  }

  private static boolean small(Object o) {
    return o instanceof Long n && n >= Integer.MIN_VALUE && n <= Integer.MAX_VALUE;
  }

  /** A text that must be there. */
  public String text(String key) throws FormatException {
    return optionalText(key)
        .orElseThrow(() -> new FormatException(file + ": metadata " + key + " is missing"));
  }

  /** A text, if the key is there. */
  public Optional<String> optionalText(String key) throws FormatException {
    Object v = values.get(key);
    if (v == null) return Optional.empty();
    if (v instanceof String s) return Optional.of(s);
    throw wrong(key, "must be a text");
  }

  /** A whole number in {@code [least, most]} that must be there. */
  public int integer(String key, int least, int most) throws FormatException {
    Object v = values.get(key);
    if (v == null) throw wrong(key, "is missing; expected a whole number");
    if (!(v instanceof Long n)) throw wrong(key, "must be a whole number");
    if (n < least || n > most)
      throw wrong(key, "must lie in " + least + " … " + most + ", got " + n);
    return n.intValue();
  }

  /** A whole number in {@code [least, most]}, or {@code otherwise} without the key. */
  public int integer(String key, int least, int most, int otherwise) throws FormatException {
    return has(key) ? integer(key, least, most) : otherwise;
  }

  /** A number, or {@code otherwise} without the key. */
  public double number(String key, double otherwise) throws FormatException {
    Object v = values.get(key);
    if (v == null) return otherwise;
    if (v instanceof Number n) return n.doubleValue();
    throw wrong(key, "must be a number");
  }

  /** A truth value, or {@code otherwise} without the key. */
  public boolean flag(String key, boolean otherwise) throws FormatException {
    Object v = values.get(key);
    if (v == null) return otherwise;
    if (v instanceof Boolean b) return b;
    throw wrong(key, "must be a truth value");
  }

  /** An array of texts that must be there. */
  public List<String> texts(String key) throws FormatException {
    return list(key, String.class, "texts");
  }

  /** An array of whole numbers that must be there. */
  public List<Long> integers(String key) throws FormatException {
    return list(key, Long.class, "whole numbers");
  }

  /** An array of fractions that must be there. */
  public List<Double> decimals(String key) throws FormatException {
    return list(key, Double.class, "fractions");
  }

  private <T> List<T> list(String key, Class<T> type, String what) throws FormatException {
    if (!(values.get(key) instanceof List<?> all)) throw wrong(key, "must be an array of " + what);
    for (Object o : all) if (!type.isInstance(o)) throw wrong(key, "must be an array of " + what);
    return all.stream().map(type::cast).toList();
  }

  /** What to throw for a value that breaks a rule. */
  public FormatException wrong(String key, String rule) {
    return new FormatException(file + ": metadata " + key + " " + rule);
  }
}
