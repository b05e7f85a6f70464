package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A message of protocol buffers, read field by field where it lies (protobuf.dev, Encoding). Every
 * length is checked against what is left; errors name the file and the place.
 */
final class ProtoMessage {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  private final Path file;
  private final byte[] data;
  private final int end;
  private int at;
  private int fieldAt;
  private int number;
  private int type;

  // The value of the current field: a number's bits, or where its bytes lie.
  private long bits;
  private int from;

  ProtoMessage(Path file, byte[] data) {
    this(file, data, 0, data.length);
  }

  private ProtoMessage(Path file, byte[] data, int from, int end) {
    this.file = file;
    this.data = data;
    this.at = from;
    this.end = end;
  }

  /** Goes to the next field; false behind the last. */
  boolean next() throws FormatException {
    if (at == end) return false;
    fieldAt = at;
    long tag = varint();
    if (tag >>> 3 < 1 || tag >>> 3 > (1 << 29) - 1)
      throw wrong("has a field of number " + (tag >>> 3), "they lie in 1 … 536870911");
    number = (int) (tag >>> 3);
    type = (int) tag & 7;
    switch (type) {
      case VARINT -> bits = varint();
      case FIXED64 -> skip(8);
      case FIXED32 -> {
        skip(4);
        bits = ByteBuffer.wrap(data, from, 4).order(ByteOrder.LITTLE_ENDIAN).getInt();
      }
      case BYTES -> {
        long length = varint();
        if (length < 0 || length > end - at)
          throw wrong(
              "asks for " + Long.toUnsignedString(length) + " bytes",
              (end - at) + " are left; the file is damaged or cut off");
        skip((int) length);
      }
      default -> throw wrong("is of wire type " + type, "known are 0, 1, 2 and 5");
    }
    return true;
  }

  private void skip(int length) throws FormatException {
    if (length > end - at) throw wrong("ends early", "the file is damaged or cut off");
    from = at;
    at += length;
  }

  private long varint() throws FormatException {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at == end) throw wrong("ends early", "the file is damaged or cut off");
      byte b = data[at++];
      value |= (long) (b & 0x7F) << shift;
      if (b >= 0) return value;
    }
    throw wrong("holds a whole number of more than ten bytes", "the file is damaged");
  }

  /** The current field's number. */
  int number() {
    return number;
  }

  int integer() throws FormatException {
    require(VARINT, "a whole number");
    if (bits != (int) bits) throw wrong("is " + bits, "must fit 32 bits");
    return (int) bits;
  }

  boolean flag() throws FormatException {
    require(VARINT, "a truth value");
    return bits != 0;
  }

  float decimal() throws FormatException {
    require(FIXED32, "a number of 32 bits");
    return Float.intBitsToFloat((int) bits);
  }

  byte[] bytes() throws FormatException {
    require(BYTES, "bytes");
    return Arrays.copyOfRange(data, from, at);
  }

  String text() throws FormatException {
    require(BYTES, "a text");
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(data, from, at - from))
          .toString();
    } catch (CharacterCodingException e) {
      throw wrong("must be UTF-8", "fetch the file again", e);
    }
  }

  ProtoMessage message() throws FormatException {
    require(BYTES, "a message");
    return new ProtoMessage(file, data, from, at);
  }

  private void require(int wanted, String what) throws FormatException {
    if (type != wanted) throw wrong("is of wire type " + type, "must be " + what);
  }

  /** What to throw for the current field. */
  FormatException wrong(String problem, String cure) {
    return new FormatException(told(problem, cure));
  }

  private String told(String problem, String cure) {
    return file + ": field " + number + " at byte " + fieldAt + " " + problem + "; " + cure;
  }

  private FormatException wrong(String problem, String cure, Exception cause) {
    return new FormatException(told(problem, cure), cause);
  }
}
