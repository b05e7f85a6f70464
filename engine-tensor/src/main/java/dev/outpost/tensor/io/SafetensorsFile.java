package dev.outpost.tensor.io;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.weight.MappedWeight;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.Set;

/**
 * A safetensors file, mapped read-only: tensors are read in place. Strict: what the reference
 * reader refuses is refused here, before any memory is taken for it. Weights must not be used after
 * {@link #close}.
 */
public final class SafetensorsFile implements AutoCloseable {
  private final Path path;
  private final Arena arena;
  private final MemorySegment data;
  private final SafetensorsHeader header;

  private SafetensorsFile(Path path, Arena arena, MemorySegment data, SafetensorsHeader header) {
    this.path = path;
    this.arena = arena;
    this.data = data;
    this.header = header;
  }

  /** Opens and checks a file. */
  public static SafetensorsFile open(Path file) throws IOException {
    if (!Files.exists(file)) throw new FormatException(file + ": no such file");
    if (Files.isDirectory(file))
      throw new FormatException(file + ": is a folder; a safetensors file is needed");
    if (!Files.isRegularFile(file)) throw new FormatException(file + ": is not a regular file");
    if (!Files.isReadable(file))
      throw new FormatException(file + ": may not be read by this user; check its permissions");
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size < 8)
        throw new FormatException(
            file
                + ": has "
                + size
                + " bytes; a safetensors file starts with an 8-byte header length. It is truncated"
                + " or something else");
      MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
      long length = all.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
      if (length < 0 || length > SafetensorsHeader.MAX_HEADER_BYTES)
        throw new FormatException(
            file
                + ": header length "
                + Long.toUnsignedString(length)
                + " exceeds the allowed "
                + SafetensorsHeader.MAX_HEADER_BYTES
                + "; this is no safetensors file");
      if (length > size - 8)
        throw new FormatException(
            file
                + ": header length "
                + length
                + " exceeds the file's "
                + size
                + " bytes; it is truncated: download or copy it again");
      byte[] json = all.asSlice(8, length).toArray(ValueLayout.JAVA_BYTE);
      SafetensorsHeader header = SafetensorsHeader.parse(file, json, size - 8 - length);
      return new SafetensorsFile(file, arena, all.asSlice(8 + length), header);
    } catch (IOException | RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /** Tensor names in order of their bytes. */
  public Set<String> names() {
    return Collections.unmodifiableSet(header.tensors().keySet());
  }

  /** Where a tensor lies and of what type it is; fails when there is none of that name. */
  public TensorInfo info(String name) throws FormatException {
    TensorInfo t = header.tensors().get(name);
    if (t == null) throw new FormatException(path + ": has no tensor named " + name);
    return t;
  }

  /** Free texts of the header. */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  /** A tensor's bytes, whatever its type. */
  public MemorySegment segment(String name) throws FormatException {
    TensorInfo t = info(name);
    return data.asSlice(t.begin(), t.end() - t.begin());
  }

  /** A tensor of a type the engine computes with, in place. */
  public MappedWeight weight(String name) throws FormatException {
    TensorInfo t = info(name);
    DType dtype =
        t.computable()
            .orElseThrow(() ->
                new FormatException(
                    path
                        + ": tensor "
                        + name
                        + " is "
                        + t.dtype()
                        + "; weights must be F32, F16 or BF16. Convert the checkpoint to one of"
                        + " them"));
    try {
      int[] dims = Arrays.stream(t.dims()).mapToInt(Math::toIntExact).toArray();
      return MappedWeight.of(segment(name), dtype, Shape.of(dims));
    } catch (ShapeException | ArithmeticException e) {
      throw new FormatException(
          path
              + ": tensor "
              + name
              + " "
              + t
              + " is too large; at most 2^31-9 elements are supported in one tensor",
          e);
    }
  }

  /**
   * A tensor of type U8 that holds blocks of {@code type}, row after row, in place: what {@link
   * SafetensorsWriter#writeKeepingBlocks} wrote.
   */
  public MappedWeight blocks(String name, DType type) throws FormatException {
    TensorInfo t = info(name);
    long[] dims = t.dims();
    long row = dims.length == 0 ? 0 : dims[dims.length - 1];
    if (!type.isBlocked() || !t.dtype().equals("U8") || row == 0 || row % type.blockBytes() != 0)
      throw new FormatException(
          path
              + ": tensor "
              + name
              + " "
              + t
              + " cannot be read as "
              + type
              + ": that needs U8, rows of whole blocks of "
              + type.blockBytes()
              + " bytes");
    dims[dims.length - 1] = row / type.blockBytes() * type.blockSize();
    try {
      int[] extents = Arrays.stream(dims).mapToInt(Math::toIntExact).toArray();
      return MappedWeight.of(segment(name), type, Shape.of(extents));
    } catch (ShapeException | ArithmeticException e) {
      throw new FormatException(
          path + ": tensor " + name + " " + t + " is too large for one tensor", e);
    }
  }

  /** The file. */
  public Path path() {
    return path;
  }

  /** Unmaps the file; a second call does nothing. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) arena.close();
  }
}
