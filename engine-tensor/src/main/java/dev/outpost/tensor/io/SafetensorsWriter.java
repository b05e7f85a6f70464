package dev.outpost.tensor.io;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Writes a safetensors file as the reference serialiser lays it out: widest type first, then by
 * name, header padded with spaces to 8 bytes. Streams tensor by tensor, so nothing is held twice;
 * the file appears whole or not at all.
 */
public final class SafetensorsWriter {
  private static final int CHUNK = 1 << 20;

  private SafetensorsWriter() {}

  private record Entry(String name, Weight weight, DType dtype) {
    long bytes() {
      return dtype.byteSize(weight.shape().size());
    }

    String type() {
      return dtype.isBlocked() ? "U8" : dtype.name();
    }

    /** Of blocks the bytes: the last extent is a row's. */
    List<Integer> dims() {
      int[] dims = weight.shape().dims();
      if (dtype.isBlocked()) dims[dims.length - 1] = (int) dtype.byteSize(dims[dims.length - 1]);
      return Arrays.stream(dims).boxed().toList();
    }
  }

  /**
   * Replaces {@code file}.
   *
   * @param dtype stored type of every tensor, rounding to nearest even; null keeps each weight's
   *     own, and makes F32 of GGUF's block types, which holds their numbers exactly
   * @param metadata free texts for the header
   * @throws IllegalArgumentException for names or texts that no header can hold
   * @throws IOException when the file cannot be written whole: see {@link AtomicFile}
   */
  public static void write(
      Path file,
      Map<String, ? extends Weight> tensors,
      @Nullable DType dtype,
      Map<String, String> metadata)
      throws IOException {
    if (dtype != null && dtype.isBlocked()) throw blocked(dtype);
    List<Entry> entries = new ArrayList<>();
    tensors.forEach(
        (name, w) -> entries.add(new Entry(name, w, dtype == null ? plain(w.dtype()) : dtype)));
    write(file, entries, metadata);
  }

  /**
   * The same, but weights of GGUF's block types stay as they are: tensors of type U8 that hold the
   * blocks, row after row. The file does not say of which type they were; who writes it must.
   *
   * @param dtype stored type of the other tensors; null keeps each weight's own
   */
  public static void writeKeepingBlocks(
      Path file,
      Map<String, ? extends Weight> tensors,
      @Nullable DType dtype,
      Map<String, String> metadata)
      throws IOException {
    if (dtype != null && dtype.isBlocked()) throw blocked(dtype);
    List<Entry> entries = new ArrayList<>();
    tensors.forEach((name, w) ->
        entries.add(
            new Entry(name, w, dtype == null || w.dtype().isBlocked() ? w.dtype() : dtype)));
    write(file, entries, metadata);
  }

  private static void write(Path file, List<Entry> entries, Map<String, String> metadata)
      throws IOException {
    entries.sort(
        Comparator.comparingInt((Entry e) -> rank(e.dtype))
            .thenComparing(e -> utf8(e.name), Arrays::compareUnsigned));
    byte[] header = header(entries, metadata);
    long size = 8L + header.length + entries.stream().mapToLong(Entry::bytes).sum();
    AtomicFile.write(
        file,
        size,
        channel -> {
          ByteBuffer buffer = ByteBuffer.allocateDirect(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
          buffer.putLong(header.length);
          flush(channel, buffer);
          writeFully(channel, ByteBuffer.wrap(header));
          for (Entry e : entries) write(channel, e, buffer);
        });
  }

  private static DType plain(DType own) {
    return own.isBlocked() ? DType.F32 : own;
  }

  /** The reference's order of types, backwards. */
  private static int rank(DType dtype) {
    return switch (dtype) {
      case F32 -> 0;
      case BF16 -> 1;
      case F16 -> 2;
      case Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K -> 3;
    };
  }

  private static byte[] utf8(String text) {
    if (text.indexOf('\0') >= 0)
      throw new IllegalArgumentException("safetensors: a name or text holds a zero character");
    try {
      ByteBuffer b = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
      byte[] bytes = new byte[b.remaining()];
      b.get(bytes);
      return bytes;
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(
          "safetensors: a name or text is no valid Unicode: " + text, e);
    }
  }

  private static byte[] header(List<Entry> entries, Map<String, String> metadata) {
    JsonObject root = JsonObject.create();
    entries.forEach(e -> utf8(e.name));
    metadata.forEach((key, value) -> utf8(key + value));
    // Sorted, so that equal content gives equal bytes whatever map it came in.
    if (!metadata.isEmpty()) root.put("__metadata__", new TreeMap<>(metadata));
    long at = 0;
    for (Entry e : entries) {
      if (e.name.equals("__metadata__"))
        throw new IllegalArgumentException("safetensors: a tensor cannot be named __metadata__");
      root.put(
          e.name,
          JsonObject.create()
              .put("dtype", e.type())
              .put("shape", e.dims())
              .put("data_offsets", List.of(at, at + e.bytes())));
      at += e.bytes();
    }
    byte[] json = utf8(root.toLine());
    if (json.length > SafetensorsHeader.MAX_HEADER_BYTES - 8)
      throw new IllegalArgumentException(
          "safetensors: a header of "
              + json.length
              + " bytes exceeds the allowed "
              + SafetensorsHeader.MAX_HEADER_BYTES);
    byte[] padded = Arrays.copyOf(json, (json.length + 7) / 8 * 8);
    Arrays.fill(padded, json.length, padded.length, (byte) ' ');
    return padded;
  }

  private static void write(FileChannel channel, Entry e, ByteBuffer buffer) throws IOException {
    switch (e.weight) {
      case MappedWeight m when m.dtype() == e.dtype -> {
        for (long at = 0; at < m.segment().byteSize(); at += CHUNK)
          writeFully(
              channel,
              m.segment().asSlice(at, Math.min(CHUNK, m.segment().byteSize() - at)).asByteBuffer());
      }
      case MappedWeight m -> {
        for (int i = 0; i < m.shape().size(); i++)
          put(channel, buffer, MappedWeight.decode(m.segment(), m.dtype(), i), e.dtype);
        flush(channel, buffer);
      }
      case HeapWeight h when e.dtype == DType.F32 -> floats(channel, buffer, h.tensor());
      case HeapWeight h -> {
        for (int i = 0; i < h.shape().size(); i++) put(channel, buffer, h.tensor().get(i), e.dtype);
        flush(channel, buffer);
      }
    }
  }

  private static void floats(FileChannel channel, ByteBuffer buffer, Tensor t) throws IOException {
    for (int at = 0; at < t.size(); at += CHUNK / 4) {
      int n = Math.min(CHUNK / 4, t.size() - at);
      buffer.asFloatBuffer().put(t.data(), t.offset() + at, n);
      buffer.position(4 * n);
      flush(channel, buffer);
    }
  }

  private static void put(FileChannel channel, ByteBuffer buffer, float v, DType dtype)
      throws IOException {
    if (buffer.remaining() < 4) flush(channel, buffer);
    switch (dtype) {
      case F32 -> buffer.putFloat(v);
      case F16 -> buffer.putShort(Float.floatToFloat16(v));
      case BF16 -> buffer.putShort(toBf16(v));
      case Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K -> throw blocked(dtype);
    }
  }

  private static IllegalArgumentException blocked(DType dtype) {
    return new IllegalArgumentException(
        "safetensors: has no type " + dtype + "; store as F32, F16 or BF16, or write GGUF");
  }

  /** Rounds to the nearest bf16, ties to even; a NaN stays a NaN. */
  static short toBf16(float v) {
    int bits = Float.floatToRawIntBits(v);
    if (Float.isNaN(v)) return (short) (bits >>> 16 | 0x40);
    return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
  }

  private static void flush(FileChannel channel, ByteBuffer buffer) throws IOException {
    buffer.flip();
    writeFully(channel, buffer);
    buffer.clear();
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) channel.write(bytes);
  }
}
