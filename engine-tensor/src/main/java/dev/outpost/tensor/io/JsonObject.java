package dev.outpost.tensor.io;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.PrettyPrinter;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultPrettyPrinter;

/**
 * A small JSON object that was read from somewhere: every access checks presence and type and, when
 * it fails, names the file, the field and what was found. For configuration and manifests; large
 * files (tokenizers, tensor headers) are streamed by their own readers.
 */
public final class JsonObject {
  private static final long MAX_BYTES = 16L << 20;
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(64)
                  .maxDocumentLength(MAX_BYTES)
                  .maxNameLength(4096)
                  .maxNumberLength(64)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  private final String source;
  private final Map<String, @Nullable Object> fields;

  private JsonObject(String source, Map<String, @Nullable Object> fields) {
    this.source = source;
    this.fields = fields;
  }

  /** An empty object to be filled by {@link #put}. */
  public static JsonObject create() {
    return new JsonObject("new object", new LinkedHashMap<>());
  }

  /** Reads a file of at most 16 MiB. */
  public static JsonObject read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) throw new FormatException(file + ": no such file");
    long size = Files.size(file);
    if (size > MAX_BYTES)
      throw new FormatException(
          file
              + ": "
              + size
              + " bytes exceed the "
              + MAX_BYTES
              + " allowed for a JSON file of this kind");
    try {
      return parse(
          file.toString(),
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(Files.readAllBytes(file)))
              .toString());
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": is not valid UTF-8", e);
    }
  }

  /** Parses text; {@code source} names it in errors. */
  public static JsonObject parse(String source, String text) throws FormatException {
    try (JsonParser p = FACTORY.createParser(ObjectReadContext.empty(), text)) {
      if (p.nextToken() != JsonToken.START_OBJECT)
        throw new FormatException(source + ": must be a JSON object");
      JsonObject o = new JsonObject(source, object(p, source));
      if (p.nextToken() != null)
        throw new FormatException(source + ": trailing content after the JSON object");
      return o;
    } catch (JacksonException e) {
      throw new FormatException(source + ": not valid JSON: " + e.getOriginalMessage());
    }
  }

  private static Map<String, @Nullable Object> object(JsonParser p, String source)
      throws FormatException {
    Map<String, @Nullable Object> m = new LinkedHashMap<>();
    while (p.nextToken() == JsonToken.PROPERTY_NAME) {
      String name = p.currentName();
      p.nextToken();
      m.put(name, value(p, source));
    }
    return m;
  }

  private static @Nullable Object value(JsonParser p, String source) throws FormatException {
    return switch (p.currentToken()) {
      case START_OBJECT -> object(p, source);
      case START_ARRAY -> {
        List<@Nullable Object> list = new ArrayList<>();
        while (p.nextToken() != JsonToken.END_ARRAY) list.add(value(p, source));
        yield list;
      }
      case VALUE_STRING -> p.getString();
      case VALUE_NUMBER_INT -> {
        if (p.getNumberType() == JsonParser.NumberType.BIG_INTEGER)
          throw new FormatException(
              source + ": field " + p.currentName() + " holds an integer beyond 64 bits");
        yield p.getLongValue();
      }
      // Jackson's own parser of fractions first fills tables: a tenth of a second at a cold start.
      case VALUE_NUMBER_FLOAT -> Double.parseDouble(p.getString());
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      case null, default ->
          throw new FormatException(source + ": unexpected end or token " + p.currentToken());
    };
  }

  /** Field names in file order. */
  public Set<String> names() {
    return fields.keySet();
  }

  /** Whether the field is present and not null. */
  public boolean has(String field) {
    return fields.get(field) != null;
  }

  /** A field's plain value (String, Long, Double, Boolean, Map, List), null when absent. */
  public @Nullable Object value(String field) {
    return fields.get(field);
  }

  /** A required text. */
  public String string(String field) throws FormatException {
    return require(field, String.class, "a string");
  }

  /** A text that may be absent or null. */
  public Optional<String> optionalString(String field) throws FormatException {
    return has(field) ? Optional.of(string(field)) : Optional.empty();
  }

  /** A required integer. */
  public long integer(String field) throws FormatException {
    return require(field, Long.class, "an integer");
  }

  /** A required integer of [min, max]. */
  public int integer(String field, int min, int max) throws FormatException {
    long v = integer(field);
    if (v < min || v > max)
      throw wrong(field, "must be between " + min + " and " + max + ", got " + v);
    return (int) v;
  }

  /** An integer of [min, max], or {@code otherwise} when absent or null. */
  public int integer(String field, int min, int max, int otherwise) throws FormatException {
    return has(field) ? integer(field, min, max) : otherwise;
  }

  /** A finite number, or {@code otherwise} when absent or null. */
  public double number(String field, double otherwise) throws FormatException {
    Object v = fields.get(field);
    return switch (v) {
      case null -> otherwise;
      case Long l -> l;
      case Double d when Double.isFinite(d) -> d;
      default -> throw wrong(field, "must be a finite number, got " + v);
    };
  }

  /** A boolean, or {@code otherwise} when absent or null. */
  public boolean bool(String field, boolean otherwise) throws FormatException {
    return has(field) ? require(field, Boolean.class, "true or false") : otherwise;
  }

  /** A required nested object. */
  public JsonObject object(String field) throws FormatException {
    @SuppressWarnings("unchecked")
    Map<String, @Nullable Object> m = require(field, Map.class, "an object");
    return new JsonObject(source + "." + field, m);
  }

  /** A required list of texts. */
  public List<String> strings(String field) throws FormatException {
    List<String> out = new ArrayList<>();
    for (Object o : require(field, List.class, "a list of strings")) {
      if (!(o instanceof String s)) throw wrong(field, "must be a list of strings, got " + o);
      out.add(s);
    }
    return out;
  }

  /** A required list of finite numbers. */
  public List<Double> numbers(String field) throws FormatException {
    List<Double> out = new ArrayList<>();
    for (Object o : require(field, List.class, "a list of numbers")) {
      if (!(o instanceof Number n) || !Double.isFinite(n.doubleValue()))
        throw wrong(field, "must be a list of finite numbers, got " + o);
      out.add(n.doubleValue());
    }
    return out;
  }

  /** A required list of objects. */
  public List<JsonObject> objects(String field) throws FormatException {
    List<JsonObject> out = new ArrayList<>();
    for (Object o : require(field, List.class, "a list of objects")) {
      if (!(o instanceof Map)) throw wrong(field, "must be a list of objects, got " + o);
      @SuppressWarnings("unchecked")
      Map<String, @Nullable Object> m = (Map<String, @Nullable Object>) o;
      out.add(new JsonObject(source + "." + field + "[" + out.size() + "]", m));
    }
    return out;
  }

  /** Refuses fields that nobody reads: a misspelt one would be passed over in silence. */
  public void requireOnly(String... known) throws FormatException {
    for (String field : names())
      if (!List.of(known).contains(field))
        throw wrong(field, "is unknown; known are " + String.join(", ", known));
  }

  /** An error about one field of this file. */
  public FormatException wrong(String field, String rule) {
    return new FormatException(source + ": field " + field + " " + rule);
  }

  private <T> T require(String field, Class<T> type, String expected) throws FormatException {
    Object v = fields.get(field);
    if (v == null)
      throw wrong(
          field,
          fields.containsKey(field)
              ? "must be " + expected + ", got null"
              : "is missing; expected " + expected);
    if (!type.isInstance(v)) throw wrong(field, "must be " + expected + ", got " + v);
    return type.cast(v);
  }

  /**
   * Sets a field, replacing and keeping its place if present.
   *
   * @param value a String, Boolean, Integer, Long, Double, Float, JsonObject, Map, List of these,
   *     or null
   * @return this
   */
  public JsonObject put(String field, @Nullable Object value) {
    fields.put(field, value);
    return this;
  }

  /** A copy that lacks a field. */
  public JsonObject without(String field) {
    Map<String, @Nullable Object> others = new LinkedHashMap<>(fields);
    others.remove(field);
    return new JsonObject(source, others);
  }

  /** Indented JSON with a final newline. */
  public String toText() {
    return text(new IndentedContext()) + "\n";
  }

  /** JSON on one line. */
  public String toLine() {
    return text(ObjectWriteContext.empty());
  }

  private String text(ObjectWriteContext context) {
    StringWriter w = new StringWriter();
    try (JsonGenerator g = FACTORY.createGenerator(context, w)) {
      write(g, fields);
    }
    return w.toString();
  }

  /** Writes the indented text; the file is either the old one or the whole new one. */
  public void write(Path file) throws IOException {
    AtomicFile.write(file, toText().getBytes(StandardCharsets.UTF_8));
  }

  private static void write(JsonGenerator g, @Nullable Object value) {
    switch (value) {
      case null -> g.writeNull();
      case JsonObject o -> write(g, o.fields);
      case Map<?, ?> m -> {
        g.writeStartObject();
        m.forEach((k, v) -> {
          g.writeName(String.valueOf(k));
          write(g, v);
        });
        g.writeEndObject();
      }
      case Iterable<?> list -> {
        g.writeStartArray();
        for (Object o : list) write(g, o);
        g.writeEndArray();
      }
      case String s -> g.writeString(s);
      case Boolean b -> g.writeBoolean(b);
      case Integer i -> g.writeNumber(i);
      case Long l -> g.writeNumber(l);
      case Number n -> {
        // JSON has no NaN or infinity: they leave as text rather than as an invalid file.
        if (Double.isFinite(n.doubleValue())) g.writeNumber(n.toString());
        else g.writeString(n.toString());
      }
      default ->
          throw new IllegalArgumentException("json: cannot write a " + value.getClass().getName());
    }
  }

  @Override
  public String toString() {
    return toLine();
  }

  private static final class IndentedContext extends ObjectWriteContext.Base {
    @Override
    public PrettyPrinter getPrettyPrinter() {
      return new DefaultPrettyPrinter();
    }
  }
}
