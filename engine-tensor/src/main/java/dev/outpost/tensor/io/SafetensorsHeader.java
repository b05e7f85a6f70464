package dev.outpost.tensor.io;

import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;

/**
 * The JSON header of a safetensors file, checked as the reference reader checks it: every tensor's
 * type is known, its byte length is what shape and type say, and the tensors lie end to end from
 * the first data byte to the last, without holes or overlaps.
 *
 * @param tensors by name, in order of their bytes
 * @param metadata free texts
 */
record SafetensorsHeader(Map<String, TensorInfo> tensors, Map<String, String> metadata) {
  /** The reference's limit on a header. */
  static final long MAX_HEADER_BYTES = 100_000_000;

  private static final String WHITE = " \t\r\n";

  private static final Map<String, Integer> BITS =
      Map.ofEntries(
          Map.entry("BOOL", 8),
          Map.entry("U8", 8),
          Map.entry("I8", 8),
          Map.entry("F8_E5M2", 8),
          Map.entry("F8_E4M3", 8),
          Map.entry("F8_E8M0", 8),
          Map.entry("F8_E4M3FNUZ", 8),
          Map.entry("F8_E5M2FNUZ", 8),
          Map.entry("I16", 16),
          Map.entry("U16", 16),
          Map.entry("F16", 16),
          Map.entry("BF16", 16),
          Map.entry("I32", 32),
          Map.entry("U32", 32),
          Map.entry("F32", 32),
          Map.entry("F64", 64),
          Map.entry("I64", 64),
          Map.entry("U64", 64),
          Map.entry("C64", 64),
          Map.entry("F4", 4),
          Map.entry("F6_E2M3", 6),
          Map.entry("F6_E3M2", 6));

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(8)
                  .maxNameLength(65_536)
                  .maxStringLength((int) MAX_HEADER_BYTES)
                  .maxNumberLength(20)
                  .maxDocumentLength(MAX_HEADER_BYTES)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  /** Parses and checks; {@code dataBytes} is what the file holds after its header. */
  static SafetensorsHeader parse(Path file, byte[] json, long dataBytes) throws FormatException {
    int start = 0;
    // Writers may pad at either end, so that the data begins at a page.
    while (start < json.length && WHITE.indexOf(json[start]) >= 0) start++;
    if (start == json.length || json[start] != '{')
      throw new FormatException(file + ": header must start with '{'; this is no safetensors file");
    Map<String, TensorInfo> read = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    try (JsonParser p = FACTORY.createParser(ObjectReadContext.empty(), strictUtf8(json))) {
      p.nextToken();
      while (p.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = unicode(file, p.currentName());
        if (name.equals("__metadata__")) metadata(file, p, metadata);
        else read.put(name, tensor(file, name, p));
      }
      if (p.nextToken() != null)
        throw new FormatException(file + ": header has content after its JSON object");
    } catch (JacksonException e) {
      if (e.getCause() instanceof CharacterCodingException)
        throw new FormatException(
            file + ": header is not valid UTF-8; this is no safetensors file", e);
      throw new FormatException(file + ": header is not valid JSON: " + e.getOriginalMessage(), e);
    }
    return new SafetensorsHeader(endToEnd(file, read, dataBytes), metadata);
  }

  /** Jackson left to itself guesses the encoding and lets some malformed UTF-8 pass. */
  private static Reader strictUtf8(byte[] json) {
    return new InputStreamReader(
        new ByteArrayInputStream(json), StandardCharsets.UTF_8.newDecoder());
  }

  /**
   * JSON can escape half of a surrogate pair; such a text has no UTF-8 and could not be written
   * again. A zero would end the text for readers in C, who then see another name.
   */
  private static String unicode(Path file, String text) throws FormatException {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text))
      throw new FormatException(file + ": header holds half a surrogate pair in a name or text");
    if (text.indexOf('\0') >= 0)
      throw new FormatException(file + ": header holds a zero character in a name or text");
    return text;
  }

  private static void metadata(Path file, JsonParser p, Map<String, String> into)
      throws FormatException {
    if (p.nextToken() != JsonToken.START_OBJECT)
      throw new FormatException(file + ": __metadata__ must be an object of strings");
    while (p.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = unicode(file, p.currentName());
      if (p.nextToken() != JsonToken.VALUE_STRING)
        throw new FormatException(
            file + ": __metadata__." + key + " must be a string, got " + p.currentToken());
      into.put(key, unicode(file, p.getString()));
    }
  }

  private static TensorInfo tensor(Path file, String name, JsonParser p) throws FormatException {
    String at = file + ": tensor " + name;
    if (p.nextToken() != JsonToken.START_OBJECT)
      throw new FormatException(at + " must be described by an object, got " + p.currentToken());
    String dtype = null;
    long[] shape = null;
    long[] offsets = null;
    while (p.nextToken() == JsonToken.PROPERTY_NAME) {
      String field = p.currentName();
      JsonToken t = p.nextToken();
      switch (field) {
        case "dtype" -> {
          if (t != JsonToken.VALUE_STRING)
            throw new FormatException(at + ": dtype must be a string, got " + t);
          dtype = p.getString();
        }
        case "shape" -> shape = longs(at + ": shape", p);
        case "data_offsets" -> offsets = longs(at + ": data_offsets", p);
        default ->
            throw new FormatException(
                at + ": unknown field " + field + "; expected dtype, shape, data_offsets");
      }
    }
    if (dtype == null || shape == null || offsets == null)
      throw new FormatException(
          at
              + ": field "
              + (dtype == null ? "dtype" : shape == null ? "shape" : "data_offsets")
              + " is missing");
    if (!BITS.containsKey(dtype))
      throw new FormatException(
          at
              + ": dtype \""
              + dtype
              + "\" is unknown; known: "
              + BITS.keySet().stream().sorted().toList());
    if (offsets.length != 2)
      throw new FormatException(at + ": data_offsets must be two numbers, got " + offsets.length);
    if (offsets[0] > offsets[1])
      throw new FormatException(
          at + ": data_offsets must not run backwards, got " + offsets[0] + " to " + offsets[1]);
    long bits = 1;
    try {
      for (long d : shape) bits = Math.multiplyExact(bits, d);
      bits = Math.multiplyExact(bits, BITS.get(dtype));
    } catch (ArithmeticException e) {
      throw new FormatException(at + ": shape " + Arrays.toString(shape) + " overflows 64 bits", e);
    }
    if (bits % 8 != 0)
      throw new FormatException(
          at + ": " + dtype + " of shape " + Arrays.toString(shape) + " does not fill whole bytes");
    if (offsets[1] - offsets[0] != bits / 8)
      throw new FormatException(
          at
              + ": "
              + dtype
              + " of shape "
              + Arrays.toString(shape)
              + " needs "
              + bits / 8
              + " bytes, data_offsets span "
              + (offsets[1] - offsets[0]));
    return new TensorInfo(dtype, shape, offsets[0], offsets[1]);
  }

  private static long[] longs(String at, JsonParser p) throws FormatException {
    if (p.currentToken() != JsonToken.START_ARRAY)
      throw new FormatException(at + " must be a list of integers, got " + p.currentToken());
    List<Long> out = new ArrayList<>();
    while (p.nextToken() != JsonToken.END_ARRAY) {
      if (p.currentToken() != JsonToken.VALUE_NUMBER_INT
          || p.getString().startsWith("-")
          || p.getNumberType() == JsonParser.NumberType.BIG_INTEGER)
        throw new FormatException(
            at + " must hold integers from 0 to 2^63-1, got " + p.getString());
      if (out.size() == 64) throw new FormatException(at + " has more than 64 entries");
      out.add(p.getLongValue());
    }
    return out.stream().mapToLong(Long::longValue).toArray();
  }

  private static Map<String, TensorInfo> endToEnd(
      Path file, Map<String, TensorInfo> read, long dataBytes) throws FormatException {
    List<Map.Entry<String, TensorInfo>> order = new ArrayList<>(read.entrySet());
    order.sort(
        Comparator.comparingLong((Map.Entry<String, TensorInfo> e) -> e.getValue().begin())
            .thenComparingLong(e -> e.getValue().end()));
    Map<String, TensorInfo> sorted = new LinkedHashMap<>();
    long end = 0;
    for (Map.Entry<String, TensorInfo> e : order) {
      TensorInfo t = e.getValue();
      if (t.begin() != end)
        throw new FormatException(
            file
                + ": tensor "
                + e.getKey()
                + " begins at byte "
                + t.begin()
                + (t.begin() < end ? ", inside the tensor before it" : ", leaving a hole")
                + "; must begin at "
                + end);
      end = t.end();
      sorted.put(e.getKey(), t);
    }
    if (end != dataBytes)
      throw new FormatException(
          file
              + ": the header describes "
              + end
              + " bytes of data, the file holds "
              + dataBytes
              + (dataBytes < end
                  ? "; it is truncated: download or copy it again"
                  : "; trailing bytes are not allowed"));
    return sorted;
  }
}
