package dev.outpost.tensor.io;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Writes a GGUF file, version 3, streaming tensor by tensor; it appears whole or not at all. */
public final class GgufWriter {
  private static final int ALIGNMENT = 32;
  private static final int CHUNK = 1 << 15;

  private GgufWriter() {}

  /** Hears how far a file is. */
  @FunctionalInterface
  public interface Progress {
    /** After each tensor. */
    void written(long done, long all);
  }

  /** Which of a weight's numbers comes where. */
  public sealed interface Order {
    /** As it is. */
    record Same() implements Order {}

    /**
     * Its rows in another order.
     *
     * @param from source of each row
     */
    record Rows(int[] from) implements Order {}

    /** A matrix transposed. */
    record Transposed() implements Order {}
  }

  /**
   * A tensor to write.
   *
   * @param dtype stored type: the weight's own, or one to round to
   */
  public record Entry(String name, Weight weight, DType dtype, Order order) {
    /** As the weight lies. */
    public Entry(String name, Weight weight, DType dtype) {
      this(name, weight, dtype, new Order.Same());
    }

    Shape shape() {
      Shape s = weight.shape();
      return order instanceof Order.Transposed ? Shape.of(s.dim(1), s.dim(0)) : s;
    }

    long bytes() {
      return dtype.byteSize(shape().size());
    }
  }

  /**
   * Replaces {@code file}.
   *
   * @param metadata values: String, Integer and Long (as unsigned 32 and 64 bits; negative ones
   *     signed), Float, Boolean, List of String, int[], float[]
   * @throws IllegalArgumentException for names, values or numbers the format cannot hold; then
   *     nothing is written
   * @throws IOException when the file cannot be written whole: see {@link AtomicFile}
   */
  public static void write(Path file, Map<String, ?> metadata, List<Entry> tensors)
      throws IOException {
    write(file, metadata, tensors, (done, all) -> {});
  }

  /** The same; {@code progress} hears the bytes of tensors that are done and of all. */
  public static void write(
      Path file, Map<String, ?> metadata, List<Entry> tensors, Progress progress)
      throws IOException {
    byte[] header = header(metadata, tensors);
    long size = header.length + tensors.stream().mapToLong(e -> up(e.bytes())).sum();
    AtomicFile.write(
        file,
        size,
        channel -> {
          writeFully(channel, ByteBuffer.wrap(header));
          long done = 0;
          for (Entry e : tensors) {
            data(channel, e);
            progress.written(done += e.bytes(), size);
            writeFully(channel, ByteBuffer.allocate((int) (up(e.bytes()) - e.bytes())));
          }
        });
  }

  private static long up(long n) {
    return n + ALIGNMENT - 1 & -ALIGNMENT;
  }

  private static byte[] header(Map<String, ?> metadata, List<Entry> tensors) {
    Bytes out = new Bytes();
    out.bytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    out.i32(3).i64(tensors.size()).i64(metadata.size());
    metadata.forEach((key, v) -> {
      out.text(key);
      value(out, key, v);
    });
    long at = 0;
    Set<String> names = new HashSet<>();
    for (Entry e : tensors) {
      int[] dims = e.shape().dims();
      if (!names.add(e.name)) throw new IllegalArgumentException("gguf: " + e.name + " twice");
      if (dims.length > 4)
        throw new IllegalArgumentException("gguf: " + e.name + " has more than 4 extents");
      if (e.shape().cols() % e.dtype.blockSize() != 0)
        throw new IllegalArgumentException(
            "gguf: "
                + e.name
                + " "
                + e.shape()
                + ": rows of "
                + e.dtype
                + " must be whole blocks of "
                + e.dtype.blockSize()
                + "; store it as F32");
      if (!Quantize.can(e.dtype) && e.weight.dtype() != e.dtype)
        throw new IllegalArgumentException(
            "gguf: "
                + e.name
                + " cannot be rounded to "
                + e.dtype
                + "; use F32, F16, BF16, Q8_0 or Q4_0");
      out.text(e.name).i32(dims.length);
      for (int d = dims.length - 1; d >= 0; d--) out.i64(dims[d]);
      out.i32(GgufType.of(e.dtype).number()).i64(at);
      at += up(e.bytes());
    }
    while (out.size() % ALIGNMENT != 0) out.write(0);
    return out.toByteArray();
  }

  private static void value(Bytes out, String key, Object v) {
    switch (v) {
      case Integer i -> out.i32(i < 0 ? 5 : 4).i32(i);
      case Long n -> out.i32(n < 0 ? 11 : 10).i64(n);
      case Float f -> out.i32(6).i32(Float.floatToRawIntBits(f));
      case Boolean b -> out.i32(7).write(b ? 1 : 0);
      case String s -> out.i32(8).text(s);
      case int[] all -> {
        out.i32(9).i32(5).i64(all.length);
        for (int i : all) out.i32(i);
      }
      case float[] all -> {
        out.i32(9).i32(6).i64(all.length);
        for (float f : all) out.i32(Float.floatToRawIntBits(f));
      }
      case List<?> all -> {
        out.i32(9).i32(8).i64(all.size());
        for (Object o : all) {
          if (!(o instanceof String s))
            throw new IllegalArgumentException("gguf: metadata " + key + " must be texts");
          out.text(s);
        }
      }
      default ->
          throw new IllegalArgumentException(
              "gguf: metadata " + key + " cannot be a " + v.getClass().getSimpleName());
    }
  }

  private static void data(FileChannel channel, Entry e) throws IOException {
    if (e.weight instanceof MappedWeight m && m.dtype() == e.dtype) {
      switch (e.order) {
        case Order.Same same -> {
          bytes(channel, m, 0, m.segment().byteSize());
          return;
        }
        case Order.Rows rows -> {
          long row = m.dtype().byteSize(m.shape().rank() == 1 ? 1 : m.shape().cols());
          for (int r : rows.from) bytes(channel, m, r * row, row);
          return;
        }
        case Order.Transposed t -> {}
      }
    }
    ByteBuffer buffer = ByteBuffer.allocate(CHUNK * 4).order(ByteOrder.LITTLE_ENDIAN);
    float[] x = new float[CHUNK];
    int size = e.shape().size();
    for (int at = 0; at < size; at += CHUNK) {
      int n = Math.min(CHUNK, size - at);
      for (int i = 0; i < n; i++) x[i] = number(e.weight, source(e, at + i));
      buffer.clear();
      try {
        put(e.dtype, x, n, buffer);
      } catch (IllegalArgumentException bad) {
        throw new IllegalArgumentException("gguf: " + e.name + " " + bad.getMessage(), bad);
      }
      writeFully(channel, buffer.flip());
    }
  }

  private static void bytes(FileChannel channel, MappedWeight m, long from, long n)
      throws IOException {
    for (long at = 0; at < n; at += 1 << 20)
      writeFully(channel, m.segment().asSlice(from + at, Math.min(1 << 20, n - at)).asByteBuffer());
  }

  /** Where the weight has the number that is written at {@code at}. */
  private static int source(Entry e, int at) {
    return switch (e.order) {
      case Order.Same same -> at;
      case Order.Rows rows -> {
        int cols = e.weight.shape().rank() == 1 ? 1 : e.weight.shape().cols();
        yield rows.from[at / cols] * cols + at % cols;
      }
      case Order.Transposed t -> {
        int rows = e.weight.shape().dim(0);
        yield at % rows * e.weight.shape().dim(1) + at / rows;
      }
    };
  }

  private static float number(Weight weight, int at) {
    return switch (weight) {
      case HeapWeight h -> h.tensor().get(at);
      case MappedWeight m -> MappedWeight.decode(m.segment(), m.dtype(), at);
    };
  }

  private static void put(DType dtype, float[] x, int n, ByteBuffer out) {
    for (int i = 0; i < n; i += dtype.blockSize())
      switch (dtype) {
        case F32 -> out.putFloat(x[i]);
        case F16 -> out.putShort(Float.floatToFloat16(x[i]));
        case BF16 -> out.putShort(SafetensorsWriter.toBf16(x[i]));
        case Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K -> Quantize.block(dtype, x, i, out);
      }
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) channel.write(bytes);
  }

  /** Little-endian fields one after the other. */
  private static final class Bytes extends ByteArrayOutputStream {
    private final ByteBuffer field = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);

    void bytes(byte[] b) {
      write(b, 0, b.length);
    }

    Bytes i32(int v) {
      write(field.putInt(0, v).array(), 0, 4);
      return this;
    }

    Bytes i64(long v) {
      write(field.putLong(0, v).array(), 0, 8);
      return this;
    }

    Bytes text(String s) {
      byte[] utf8 = s.getBytes(StandardCharsets.UTF_8);
      i64(utf8.length);
      bytes(utf8);
      return this;
    }
  }
}
