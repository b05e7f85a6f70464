package dev.outpost.tensor.io;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A safetensors file that must be refused, as a recipe of bytes.
 *
 * @param name what is wrong with it
 * @param bytes the whole file
 * @param message part of the refusal
 */
record Hostile(String name, byte[] bytes, String message) {

  private static final String F32_1 = "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}";

  static final List<Hostile> ALL =
      List.of(
          // The frame.
          new Hostile("empty file", new byte[0], "has 0 bytes"),
          new Hostile("seven bytes", new byte[7], "has 7 bytes"),
          new Hostile("header length beyond the limit", frame(100_000_001, "{}", 0), "100000001"),
          new Hostile("header length above 2^63", frame(-1, "{}", 0), "18446744073709551615"),
          new Hostile("header length of 2^63-1", frame(Long.MAX_VALUE, "{}", 0), "exceeds"),
          new Hostile("header longer than the file", frame(3, "{}", 0), "it is truncated"),
          new Hostile("header of no bytes", frame(0, "", 0), "must start with '{'"),
          new Hostile("a header that is a list", header("[]"), "must start with '{'"),
          new Hostile("a header of white space", header(" \n "), "must start with '{'"),
          new Hostile("a no-break space before the brace", header("\u00A0{}"), "must start with"),
          new Hostile("a header of one byte 255", raw(0xFF), "must start with '{'"),
          new Hostile("a header of one brace", header("{"), "not valid JSON"),
          new Hostile("a length and nothing else", frame(60, "", 0), "it is truncated"),
          new Hostile(
              "a length with its upper bytes set",
              frame(0xFFFFFF00_0000003CL, "{}", 0),
              "18446742974197923900 exceeds"),
          new Hostile("a byte order mark", header("\uFEFF{}"), "must start with '{'"),
          new Hostile("a PNG file", png(), "this is no safetensors file"),
          new Hostile("UTF-16", header("{}", StandardCharsets.UTF_16LE), "not valid"),
          new Hostile("Latin-1", header("{\"ä\":1}", StandardCharsets.ISO_8859_1), "UTF-8"),
          new Hostile("an overlong code", raw("{\"", 0xC0, 0xAF, "\":1}"), "UTF-8"),
          new Hostile("a coded surrogate", raw("{\"", 0xED, 0xA0, 0x80, "\":1}"), "UTF-8"),
          new Hostile("a cut-off character", raw("{}", 0xE2, 0x82), "UTF-8"),
          // JSON.
          new Hostile("JSON cut off", header("{\"a\":{\"dtype\":\"F32\""), "not valid JSON"),
          new Hostile("a zero byte after the JSON", header("{}\0"), "not valid JSON"),
          new Hostile("two objects", header("{}{}"), "content after its JSON object"),
          new Hostile("a comment", header("{/**/}"), "not valid JSON"),
          new Hostile("a trailing comma", header("{\"a\":" + F32_1 + ",}", 4), "not valid JSON"),
          new Hostile("deep nesting", header("{\"a\":" + "[".repeat(100_000)), "by an object"),
          new Hostile(
              "deep nesting in a shape",
              header("{\"a\":{\"shape\":" + "[".repeat(100_000)),
              "shape must hold integers"),
          new Hostile(
              "the same tensor twice",
              header("{\"a\":" + F32_1 + ",\"a\":" + F32_1 + "}", 4),
              "Duplicate Object property \"a\""),
          new Hostile(
              "the same tensor twice, once escaped",
              header("{\"a\":" + F32_1 + ",\"\\u0061\":" + F32_1 + "}", 4),
              "Duplicate Object property \"a\""),
          new Hostile(
              "the same field twice",
              tensor("'dtype':'F32','dtype':'F16','shape':[1],'data_offsets':[0,4]", 4),
              "Duplicate Object property \"dtype\""),
          new Hostile(
              "two metadata objects",
              header("{\"__metadata__\":{},\"__metadata__\":{}}"),
              "Duplicate Object property \"__metadata__\""),
          new Hostile(
              "half a surrogate pair", header("{\"\\ud800\":" + F32_1 + "}", 4), "surrogate"),
          new Hostile(
              "half a surrogate pair in the metadata",
              header("{\"__metadata__\":{\"a\":\"\\udc00\"}}"),
              "surrogate"),
          new Hostile("a zero in a name", header("{\"a\\u0000b\":" + F32_1 + "}", 4), "a zero"),
          new Hostile(
              "a zero in the metadata's key",
              header("{\"__metadata__\":{\"frame\\u0000work\":\"pt\"}}"),
              "a zero"),
          new Hostile(
              "a zero in the metadata's text",
              header("{\"__metadata__\":{\"framework\":\"pt\\u0000x\"}}"),
              "a zero"),
          // Metadata.
          new Hostile("metadata that is text", header("{\"__metadata__\":\"pt\"}"), "of strings"),
          new Hostile("metadata that is null", header("{\"__metadata__\":null}"), "of strings"),
          new Hostile(
              "a number in the metadata",
              header("{\"__metadata__\":{\"epoch\":3}}"),
              "__metadata__.epoch must be a string"),
          new Hostile(
              "an object in the metadata",
              header("{\"__metadata__\":{\"a\":{}}}"),
              "__metadata__.a must be a string"),
          // One tensor.
          new Hostile("a tensor that is null", header("{\"a\":null}"), "by an object"),
          new Hostile(
              "no dtype", tensor("'shape':[1],'data_offsets':[0,4]", 4), "dtype is missing"),
          new Hostile("no shape", tensor("'dtype':'F32','data_offsets':[0,4]", 4), "shape is miss"),
          new Hostile("no offsets", tensor("'dtype':'F32','shape':[1]", 4), "data_offsets is miss"),
          new Hostile(
              "an unknown dtype", tensor("F128", "[1]", "[0,16]", 16), "\"F128\" is unknown"),
          new Hostile("a dtype in small letters", tensor("f32", "[1]", "[0,4]", 4), "is unknown"),
          new Hostile(
              "a dtype that is a number",
              tensor("'dtype':32,'shape':[1],'data_offsets':[0,4]", 4),
              "dtype must be a string"),
          new Hostile(
              "an unknown field",
              tensor("'dtype':'F32','shape':[1],'data_offsets':[0,4],'stride':[1]", 4),
              "unknown field stride"),
          new Hostile(
              "a shape that is a number", tensor("F32", "1", "[0,4]", 4), "shape must be a"),
          new Hostile("a negative extent", tensor("F32", "[-1]", "[0,4]", 4), "got -1"),
          new Hostile("two negative extents", tensor("F32", "[-1,-1]", "[0,4]", 4), "got -1"),
          new Hostile("minus zero", tensor("F32", "[-0]", "[0,0]", 0), "got -0"),
          new Hostile("a fraction as extent", tensor("F32", "[1.5]", "[0,6]", 6), "got 1.5"),
          new Hostile("1.0 as extent", tensor("F32", "[1.0]", "[0,4]", 4), "got 1.0"),
          new Hostile("1e0 as extent", tensor("F32", "[1e0]", "[0,4]", 4), "got 1e0"),
          new Hostile("text as extent", tensor("F32", "['1']", "[0,4]", 4), "got 1"),
          new Hostile("null as extent", tensor("F32", "[null]", "[0,4]", 4), "got null"),
          new Hostile(
              "an extent of 2^64", tensor("F32", "[18446744073709551616]", "[0,4]", 4), "2^63-1"),
          new Hostile(
              "an extent of a million digits",
              tensor("F32", "[" + "9".repeat(1_000_000) + "]", "[0,4]", 4),
              "not valid JSON"),
          new Hostile(
              "extents whose product wraps to 1",
              tensor("U8", "[4294967297,4294967297,18446744069414584320]", "[0,1]", 1),
              "must hold integers"),
          new Hostile(
              "extents whose product overflows",
              tensor("U8", "[4294967296,4294967296]", "[0,0]", 0),
              "overflows"),
          new Hostile(
              "a byte count that overflows",
              tensor("F32", "[4611686018427387904]", "[0,0]", 0),
              "overflows"),
          new Hostile(
              "an overflow hidden by a zero",
              tensor("F32", "[4294967296,4294967296,0]", "[0,0]", 0),
              "overflows"),
          new Hostile(
              "an extent of 2^64-2",
              tensor("I32", "[2,18446744073709551614]", "[0,16]", 16),
              "2^63-1"),
          new Hostile(
              "twice 2^63-1", tensor("I32", "[2,9223372036854775807]", "[0,16]", 16), "overflows"),
          new Hostile("a rank of 1000", tensor("U8", ones(1000), "[0,1]", 1), "more than 64"),
          new Hostile("too few bytes for the shape", tensor("F32", "[2]", "[0,4]", 4), "needs 8"),
          new Hostile("too many bytes for the shape", tensor("F16", "[1]", "[0,4]", 4), "needs 2"),
          new Hostile("half a byte", tensor("F4", "[3]", "[0,1]", 1), "does not fill whole bytes"),
          // Places.
          new Hostile("one offset", tensor("F32", "[1]", "[4]", 4), "must be two numbers"),
          new Hostile("three offsets", tensor("F32", "[1]", "[0,4,8]", 8), "must be two numbers"),
          new Hostile("a negative offset", tensor("F32", "[1]", "[-4,0]", 4), "got -4"),
          new Hostile("offsets backwards", tensor("F32", "[1]", "[4,0]", 4), "run backwards"),
          new Hostile("a hole at the start", tensor("F32", "[1]", "[4,8]", 8), "leaving a hole"),
          new Hostile("a hole inside", two("[0,4]", "[8,12]", 12), "tensor b begins at byte 8"),
          new Hostile("an overlap", two("[0,4]", "[2,6]", 6), "inside the tensor before it"),
          new Hostile("ten tensors of the same bytes", ten(), "inside the tensor before"),
          new Hostile("another file behind", polyglot(), "trailing bytes"),
          new Hostile("the same bytes twice", two("[0,4]", "[0,4]", 4), "inside the tensor before"),
          new Hostile("data cut off", tensor("F32", "[2]", "[0,8]", 7), "it is truncated"),
          new Hostile("data missing", tensor("F32", "[2]", "[0,8]", 0), "it is truncated"),
          new Hostile("a trailing byte", tensor("F32", "[1]", "[0,4]", 5), "trailing bytes"),
          new Hostile("bytes without tensors", frame(2, "{}", 1), "trailing bytes"),
          new Hostile(
              "a tensor of 2^59 bytes in a small file",
              tensor("U8", "[576460752303423488]", "[0,576460752303423488]", 16),
              "it is truncated"));

  @Override
  public String toString() {
    return name;
  }

  private static byte[] frame(long length, String json, int dataBytes) {
    return frame(length, json.getBytes(StandardCharsets.UTF_8), dataBytes);
  }

  private static byte[] frame(long length, byte[] json, int dataBytes) {
    return ByteBuffer.allocate(8 + json.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(length)
        .put(json)
        .array();
  }

  static byte[] header(String json) {
    return header(json, 0);
  }

  static byte[] header(String json, int dataBytes) {
    byte[] b = json.getBytes(StandardCharsets.UTF_8);
    return frame(b.length, b, dataBytes);
  }

  private static byte[] header(String json, java.nio.charset.Charset charset) {
    byte[] b = json.getBytes(charset);
    return frame(b.length, b, 0);
  }

  /** A file of one tensor {@code a}; quotes are written as apostrophes. */
  private static byte[] tensor(String fields, int dataBytes) {
    return header("{\"a\":{" + fields.replace('\'', '"') + "}}", dataBytes);
  }

  static byte[] tensor(String dtype, String shape, String offsets, int dataBytes) {
    return tensor(
        "'dtype':'" + dtype + "','shape':" + shape + ",'data_offsets':" + offsets, dataBytes);
  }

  private static byte[] two(String a, String b, int dataBytes) {
    String t = "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":";
    return header("{\"a\":" + t + a + "},\"b\":" + t + b + "}}", dataBytes);
  }

  private static byte[] ten() {
    String t = "\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}";
    StringBuilder all = new StringBuilder("{");
    for (int i = 0; i < 10; i++) all.append(i == 0 ? "\"" : ",\"").append("weight_" + i).append(t);
    return header(all.append('}').toString(), 16);
  }

  private static byte[] polyglot() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(tensor("I32", "[2,2]", "[0,16]", 16));
    out.writeBytes(png());
    return out.toByteArray();
  }

  private static String ones(int n) {
    return "[" + "1,".repeat(n - 1) + "1]";
  }

  private static byte[] raw(Object... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (Object p : parts) {
      if (p instanceof Integer i) out.write(i);
      else out.writeBytes(((String) p).getBytes(StandardCharsets.UTF_8));
    }
    return frame(out.size(), out.toByteArray(), 0);
  }

  private static byte[] png() {
    return new byte[] {(byte) 0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
  }
}
