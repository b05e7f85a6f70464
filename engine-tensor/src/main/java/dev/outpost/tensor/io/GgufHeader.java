package dev.outpost.tensor.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the head of a GGUF file, versions 2 and 3, little-endian. A count or length is held against
 * the bytes that are left before any memory is taken for it.
 */
final class GgufHeader {
  private static final int MAGIC = 0x46554747;
  private static final int DEEPEST = 4;
  private static final int MOST_DIMS = 4;
  private static final int LONGEST_NAME = 64;
  private static final String ALIGNMENT = "general.alignment";

  /** The shortest possible entry: key, type, value; and name, dims, type, offset. */
  private static final int LEAST_PAIR = 8 + 4 + 1;

  private static final int LEAST_TENSOR = 8 + 4 + 4 + 8;

  /** Bytes of the value types 0 … 12; text (8) and array (9) have none. */
  private static final int[] SIZES = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

  private static final int U32 = 4;
  private static final int BOOL = 7;
  private static final int TEXT = 8;
  private static final int ARRAY = 9;

  private static final ValueLayout.OfShort I16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong I64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * A tensor's place.
   *
   * @param dims extents, outermost first
   * @param begin first byte from the start of the file
   */
  record Entry(GgufType type, long[] dims, long begin, long bytes) {}

  private final Path file;
  private final MemorySegment all;
  private final long size;
  private long at;
  private final Map<String, Object> values = new LinkedHashMap<>();
  private final Map<String, Entry> tensors = new LinkedHashMap<>();

  private GgufHeader(Path file, MemorySegment all) {
    this.file = file;
    this.all = all;
    this.size = all.byteSize();
  }

  static GgufHeader parse(Path file, MemorySegment all) throws FormatException {
    GgufHeader h = new GgufHeader(file, all);
    h.read();
    return h;
  }

  GgufMetadata metadata() {
    return new GgufMetadata(file, values);
  }

  Map<String, Entry> tensors() {
    return tensors;
  }

  private void read() throws FormatException {
    if (size < 4 || i32("magic") != MAGIC)
      throw wrong("does not begin with GGUF; it is no GGUF file");
    int version = i32("version");
    if (Integer.reverseBytes(version) == 2 || Integer.reverseBytes(version) == 3)
      throw wrong("is big-endian; convert it with gguf_convert_endian.py");
    if (version != 2 && version != 3)
      throw wrong(
          "version is " + Integer.toUnsignedString(version) + "; versions 2 and 3 are supported");
    long tensorCount = count("tensor count", LEAST_TENSOR);
    long pairs = count("metadata count", LEAST_PAIR);
    for (long i = 0; i < pairs; i++) {
      String key = text("key of metadata " + i);
      if (key.isEmpty()) throw wrong("metadata " + i + " has an empty key");
      int type = i32("type of metadata " + key);
      if (key.equals(ALIGNMENT) && type != U32)
        throw wrong("metadata " + ALIGNMENT + " must be a power of two of 32 bits, unsigned");
      Object v = value(type, "metadata " + key, 0);
      if (values.put(key, v) != null) throw wrong("metadata " + key + " occurs twice");
    }
    places(tensorCount);
  }

  private void places(long count) throws FormatException {
    List<String> names = new ArrayList<>();
    List<GgufType> types = new ArrayList<>();
    List<long[]> shapes = new ArrayList<>();
    List<Long> offsets = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      String name = text("name of tensor " + i);
      String what = "tensor " + name;
      if (name.getBytes(StandardCharsets.UTF_8).length > LONGEST_NAME)
        throw wrong(what + " has a name of more than " + LONGEST_NAME + " bytes");
      int rank = i32(what);
      if (rank < 0 || rank > MOST_DIMS)
        throw wrong(what + " has " + Integer.toUnsignedString(rank) + " extents; at most 4");
      long[] dims = new long[rank];
      // The file has the fastest-running extent first.
      for (int d = rank - 1; d >= 0; d--) dims[d] = i64(what);
      int number = i32(what);
      types.add(
          GgufType.of(number)
              .orElseThrow(() ->
                  wrong(
                      what
                          + " has the unknown type "
                          + Integer.toUnsignedString(number)
                          + "; convert the file to F16 or Q8_0 with llama-quantize")));
      names.add(name);
      shapes.add(dims);
      offsets.add(i64(what));
    }
    long alignment = alignment();
    long data = up(at, alignment);
    long next = 0;
    for (int i = 0; i < names.size(); i++) {
      String what = "tensor " + names.get(i);
      long bytes = bytes(what, types.get(i), shapes.get(i));
      long offset = offsets.get(i);
      if (offset != next)
        throw wrong(what + " begins at " + offset + " of the data; must begin at " + next);
      if (data > size || bytes > size - data || offset > size - data - bytes)
        throw wrong(
            what
                + " ends beyond the file's "
                + size
                + " bytes; it is truncated: download or copy it again");
      Entry e = new Entry(types.get(i), shapes.get(i), data + offset, bytes);
      if (tensors.put(names.get(i), e) != null) throw wrong(what + " occurs twice");
      next = up(offset + bytes, alignment);
    }
  }

  private long alignment() throws FormatException {
    Object v = values.getOrDefault(ALIGNMENT, 32L);
    if (v instanceof Long a && a >= 1 && a <= 1 << 20 && Long.bitCount(a) == 1) return a;
    throw wrong("metadata " + ALIGNMENT + " must be a power of two up to 2^20, got " + v);
  }

  private static long up(long n, long alignment) {
    return n + alignment - 1 & -alignment;
  }

  private long bytes(String what, GgufType type, long[] dims) throws FormatException {
    long row = dims.length == 0 ? 1 : dims[dims.length - 1];
    if (row % type.blockSize() != 0)
      throw wrong(
          what
              + " has rows of "
              + row
              + "; "
              + type
              + " needs whole blocks of "
              + type.blockSize());
    long elements = 1;
    for (long d : dims) {
      if (d < 0) throw wrong(what + " has a negative extent: " + Arrays.toString(dims));
      // A bound far beyond any file that keeps the product within a long.
      if (d > 0 && elements > (1L << 48) / d)
        throw wrong(what + " " + Arrays.toString(dims) + " is larger than any file");
      elements *= d;
    }
    return elements / type.blockSize() * type.blockBytes();
  }

  private Object value(int type, String what, int depth) throws FormatException {
    if (type == TEXT) return text(what);
    if (type == ARRAY) return array(what, depth);
    if (type < 0 || type >= SIZES.length)
      throw wrong(what + " has the unknown value type " + Integer.toUnsignedString(type));
    need(SIZES[type], what);
    long from = at;
    at += SIZES[type];
    return switch (type) {
      case 0 -> (long) (all.get(ValueLayout.JAVA_BYTE, from) & 0xFF);
      case 1 -> (long) all.get(ValueLayout.JAVA_BYTE, from);
      case 2 -> (long) (all.get(I16, from) & 0xFFFF);
      case 3 -> (long) all.get(I16, from);
      case 4 -> all.get(I32, from) & 0xFFFFFFFFL;
      case 5 -> (long) all.get(I32, from);
      case 6 -> (double) Float.intBitsToFloat(all.get(I32, from));
      case BOOL -> {
        byte b = all.get(ValueLayout.JAVA_BYTE, from);
        if (b != 0 && b != 1) throw wrong(what + " must be 0 or 1 for a truth value, got " + b);
        yield b == 1;
      }
      case 12 -> Double.longBitsToDouble(all.get(I64, from));
      // An unsigned number beyond 2^63 reads as negative and fails every range.
      default -> all.get(I64, from);
    };
  }

  private List<Object> array(String what, int depth) throws FormatException {
    if (depth == DEEPEST) throw wrong(what + " nests arrays deeper than " + DEEPEST);
    int type = i32(what);
    if (type < 0 || type >= SIZES.length)
      throw wrong(what + " has the unknown element type " + Integer.toUnsignedString(type));
    int least = type == TEXT ? 8 : type == ARRAY ? 12 : SIZES[type];
    long n = count("length of " + what, least);
    if (n > Integer.MAX_VALUE - 8) throw wrong(what + " has " + n + " elements; too many");
    List<Object> list = new ArrayList<>((int) n);
    for (long i = 0; i < n; i++) list.add(value(type, what, depth + 1));
    return list;
  }

  private String text(String what) throws FormatException {
    long n = count("length of " + what, 1);
    if (n > Integer.MAX_VALUE - 8) throw wrong(what + " has " + n + " bytes; too many");
    byte[] bytes = all.asSlice(at, n).toArray(ValueLayout.JAVA_BYTE);
    at += n;
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": " + what + " is not valid UTF-8", e);
    }
  }

  /** A count of things that take at least {@code each} bytes of what is left. */
  private long count(String what, int each) throws FormatException {
    long n = i64(what);
    if (n < 0 || n > (size - at) / each)
      throw wrong(
          what
              + " is "
              + Long.toUnsignedString(n)
              + ", more than the remaining "
              + (size - at)
              + " bytes can hold; it is truncated or damaged: download or copy it again");
    return n;
  }

  private int i32(String what) throws FormatException {
    need(4, what);
    at += 4;
    return all.get(I32, at - 4);
  }

  private long i64(String what) throws FormatException {
    need(8, what);
    at += 8;
    return all.get(I64, at - 8);
  }

  private void need(int bytes, String what) throws FormatException {
    if (size - at < bytes)
      throw wrong("ends within " + what + "; it is truncated: download or copy it again");
  }

  private FormatException wrong(String problem) {
    return new FormatException(file + ": " + problem);
  }
}
