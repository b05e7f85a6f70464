package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;

/**
 * A JSON value of a tokenizer file that knows where it stands, so that every error names the file
 * and the field. A field that is absent reads as null. Strict: UTF-8, no duplicate names, no
 * unpaired surrogates, nothing behind the value.
 */
final class Json {
  // Vocabularies of 256k tokens need some 40 MB.
  private static final long MAX_BYTES = 256L << 20;
  private static final int MAX_DEPTH = 64;
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxDocumentLength(MAX_BYTES)
                  .maxNumberLength(64)
                  .build())
          // A vocabulary's names are all different: a table of known names is only in the way.
          .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .build();

  private final Path file;
  // The path to a value is put together when an error needs it: vocabularies have 10⁵ values.
  private final @Nullable Json parent;
  private final Object step;
  private final @Nullable Object value;

  /**
   * @param step from the parent to here: a field's name, an {@link Entry}, or an Integer index
   */
  private Json(Path file, @Nullable Json parent, Object step, @Nullable Object value) {
    this.file = file;
    this.parent = parent;
    this.step = step;
    this.value = value;
  }

  /** A value put together here as the file would hold it; {@code file} is named in errors. */
  static Json of(Path file, @Nullable Object value) {
    return new Json(file, null, "", value);
  }

  /** The name of a field that is data, such as a token. */
  private record Entry(Object name) {}

  private String field() {
    if (parent == null) return "";
    String above = parent.field();
    return switch (step) {
      case Entry e -> above + "[\"" + e.name + "\"]";
      case Integer index -> above + "[" + index + "]";
      default -> above.isEmpty() ? step.toString() : above + "." + step;
    };
  }

  static Json read(Path file) throws IOException {
    String text = text(file);
    try (JsonParser p = FACTORY.createParser(ObjectReadContext.empty(), text)) {
      p.nextToken();
      Object value = value(p, file);
      if (p.nextToken() != null) {
        throw new FormatException(file + ": more content follows the JSON value; remove it");
      }
      return new Json(file, null, "", value);
    } catch (JacksonException e) {
      throw new FormatException(
          file
              + ": not valid JSON"
              + place(e.getLocation())
              + ": "
              + e.getOriginalMessage()
              + "; the file may be truncated, fetch it again",
          e);
    }
  }

  private static String place(@Nullable TokenStreamLocation location) {
    if (location == null) return "";
    return " at line " + location.getLineNr() + ", column " + location.getColumnNr();
  }

  /** A file's text, which must be UTF-8. */
  static String text(Path file) throws IOException {
    if (!Files.isRegularFile(file)) throw new FormatException(file + ": no such file");
    long size = Files.size(file);
    if (size > MAX_BYTES) {
      throw new FormatException(
          file + ": " + size + " bytes exceed the " + MAX_BYTES + " allowed for a tokenizer file");
    }
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": must be UTF-8 text; fetch the file again", e);
    }
  }

  private static @Nullable Object value(JsonParser p, Path file) throws FormatException {
    return switch (p.currentToken()) {
      case START_OBJECT -> {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        while (p.nextToken() == JsonToken.PROPERTY_NAME) {
          String name = wellFormed(p.currentName(), file);
          p.nextToken();
          if (fields.containsKey(name)) {
            throw new FormatException(
                file + ": field \"" + name + "\" appears twice in one object; keep one of them");
          }
          fields.put(name, value(p, file));
        }
        yield fields;
      }
      case START_ARRAY -> {
        List<@Nullable Object> items = new ArrayList<>();
        while (p.nextToken() != JsonToken.END_ARRAY) items.add(value(p, file));
        yield items;
      }
      case VALUE_STRING -> wellFormed(p.getString(), file);
      case VALUE_NUMBER_INT ->
          p.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? p.getBigIntegerValue()
              : BigInteger.valueOf(p.getLongValue());
      // Jackson's own parser of fractions first fills tables: a tenth of a second at a cold start.
      case VALUE_NUMBER_FLOAT -> Double.parseDouble(p.getString());
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      case null, default ->
          throw new FormatException(file + ": not JSON: it is empty or ends early; fetch it again");
    };
  }

  private static String wellFormed(String s, Path file) throws FormatException {
    if (Characters.isWellFormed(s)) return s;
    throw new FormatException(file + ": \"" + s + "\" holds an unpaired surrogate escape");
  }

  boolean isNull() {
    return value == null;
  }

  boolean isText() {
    return value instanceof String;
  }

  boolean isArray() {
    return value instanceof List;
  }

  /** The bare value: Map, List, String, BigInteger, Double, Boolean or null. */
  @Nullable Object value() {
    return value;
  }

  /** A field of this object; reads as null where absent. */
  Json get(String name) throws FormatException {
    return new Json(file, this, name, fieldMap().get(name));
  }

  /** The fields of this object. */
  Map<String, Json> fields() throws FormatException {
    Map<String, Json> out = new LinkedHashMap<>();
    fieldMap().forEach((k, v) -> out.put(String.valueOf(k), new Json(file, this, new Entry(k), v)));
    return out;
  }

  /** What {@link #integers} hands out. */
  @FunctionalInterface
  interface IntegerField {
    void accept(String name, int value) throws FormatException;
  }

  /**
   * The fields of this object, each a whole number; a vocabulary is read without objects of ours.
   */
  void integers(int min, int max, IntegerField each) throws FormatException {
    for (Map.Entry<?, ?> e : fieldMap().entrySet()) {
      String name = String.valueOf(e.getKey());
      each.accept(
          name,
          e.getValue() instanceof BigInteger i && within(i, min, max)
              ? i.intValue()
              : entry(name).integer(min, max));
    }
  }

  /** A field of this object whose name is data, for an error about it. */
  Json entry(String name) throws FormatException {
    return new Json(file, this, new Entry(name), fieldMap().get(name));
  }

  /** How many fields this object has. */
  int size() throws FormatException {
    return fieldMap().size();
  }

  private Map<?, ?> fieldMap() throws FormatException {
    if (value instanceof Map<?, ?> m) return m;
    throw wrong("must be an object", "");
  }

  List<Json> items() throws FormatException {
    if (!(value instanceof List<?> list)) throw wrong("must be an array", "");
    List<Json> out = new ArrayList<>(list.size());
    for (Object o : list) out.add(new Json(file, this, out.size(), o));
    return out;
  }

  String text() throws FormatException {
    if (value instanceof String s) return s;
    throw wrong("must be a string", "");
  }

  int integer(int min, int max) throws FormatException {
    if (value instanceof BigInteger i && within(i, min, max)) return i.intValue();
    throw wrong("must be a whole number from " + min + " to " + max, "");
  }

  private static boolean within(BigInteger i, int min, int max) {
    return i.bitLength() < 32 && i.intValue() >= min && i.intValue() <= max;
  }

  double number() throws FormatException {
    if (value instanceof Double d) return d;
    if (value instanceof BigInteger i) return i.doubleValue();
    throw wrong("must be a number", "");
  }

  boolean flag(boolean otherwise) throws FormatException {
    if (value == null) return otherwise;
    if (value instanceof Boolean b) return b;
    throw wrong("must be true or false", "");
  }

  /** An error about this field; {@code cure} may be empty. */
  FormatException wrong(String rule, String cure) {
    String field = field();
    String got = String.valueOf(value);
    if (got.length() > 60) got = got.substring(0, 60) + "…";
    return new FormatException(
        file
            + (field.isEmpty() ? "" : ": field " + field)
            + ": "
            + rule
            + "; got "
            + (value == null ? "nothing" : value instanceof String ? "\"" + got + "\"" : got)
            + (cure.isEmpty() ? "" : "; " + cure));
  }
}
