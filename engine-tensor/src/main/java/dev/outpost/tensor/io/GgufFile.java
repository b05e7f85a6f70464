package dev.outpost.tensor.io;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.weight.MappedWeight;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.Set;

/**
 * A GGUF file (llama.cpp's format, versions 2 and 3), mapped read-only: tensors are read in place.
 * Strict: counts, lengths, types and places are checked before memory is taken or a tensor seen.
 * Weights must not be used after {@link #close}.
 */
public final class GgufFile implements AutoCloseable {
  private final Path path;
  private final Arena arena;
  private final MemorySegment all;
  private final GgufHeader header;
  private final GgufMetadata metadata;

  private GgufFile(Path path, Arena arena, MemorySegment all, GgufHeader header) {
    this.path = path;
    this.arena = arena;
    this.all = all;
    this.header = header;
    this.metadata = header.metadata();
  }

  /** Opens and checks a file. */
  public static GgufFile open(Path file) throws IOException {
    if (!Files.exists(file)) throw new FormatException(file + ": no such file");
    if (!Files.isRegularFile(file))
      throw new FormatException(file + ": is not a regular file; a GGUF file is needed");
    if (!Files.isReadable(file))
      throw new FormatException(file + ": may not be read by this user; check its permissions");
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      return new GgufFile(file, arena, all, GgufHeader.parse(file, all));
    } catch (IOException | RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /** The file. */
  public Path path() {
    return path;
  }

  /** The key-value pairs. */
  public GgufMetadata metadata() {
    return metadata;
  }

  /** Tensor names in the file's order. */
  public Set<String> names() {
    return Collections.unmodifiableSet(header.tensors().keySet());
  }

  /** The name of a tensor's type as llama.cpp spells it, such as {@code Q4_K}. */
  public String type(String name) throws FormatException {
    return entry(name).type().toString();
  }

  /** A tensor of a type the engine computes with, in place. */
  public MappedWeight weight(String name) throws FormatException {
    GgufHeader.Entry e = entry(name);
    DType dtype =
        e.type()
            .computable()
            .orElseThrow(() ->
                new FormatException(
                    path
                        + ": tensor "
                        + name
                        + " is "
                        + e.type()
                        + "; weights must be of "
                        + Arrays.toString(DType.values())
                        + ". Convert the file with llama-quantize --pure to one of them"));
    try {
      int[] dims = Arrays.stream(e.dims()).mapToInt(Math::toIntExact).toArray();
      return MappedWeight.of(all.asSlice(e.begin(), e.bytes()), dtype, Shape.of(dims));
    } catch (ShapeException | ArithmeticException x) {
      throw new FormatException(
          path
              + ": tensor "
              + name
              + " "
              + Arrays.toString(e.dims())
              + " is too large; at most 2^31-9 elements are supported in one tensor",
          x);
    }
  }

  private GgufHeader.Entry entry(String name) throws FormatException {
    GgufHeader.Entry e = header.tensors().get(name);
    if (e == null) throw new FormatException(path + ": has no tensor named " + name);
    return e;
  }

  /** Unmaps the file; a second call does nothing. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) arena.close();
  }
}
