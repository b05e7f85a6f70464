package dev.outpost.tensor.io;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.weight.MappedWeight;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The tensors of a model folder: {@code model.safetensors}, or the shards that {@code
 * model.safetensors.index.json} lists. Shard names are plain file names inside the folder.
 */
public final class Checkpoint implements AutoCloseable {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  private final List<SafetensorsFile> files;
  private final Map<String, SafetensorsFile> byName;

  private Checkpoint(List<SafetensorsFile> files, Map<String, SafetensorsFile> byName) {
    this.files = files;
    this.byName = byName;
  }

  /**
   * Opens all files of a folder; leaves none open when one is refused. A single file goes before an
   * index.
   */
  public static Checkpoint open(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) throw new FormatException(folder + ": no such folder");
    if (Files.exists(folder.resolve(SINGLE))) return ofFile(folder.resolve(SINGLE));
    if (Files.exists(folder.resolve(INDEX))) return sharded(folder, folder.resolve(INDEX));
    throw new FormatException(
        folder
            + ": holds neither "
            + SINGLE
            + " nor "
            + INDEX
            + "; other weight formats (such as pytorch_model.bin) must be converted to safetensors"
            + " first");
  }

  /** Opens one file of any name. */
  public static Checkpoint ofFile(Path file) throws IOException {
    SafetensorsFile f = SafetensorsFile.open(file);
    Map<String, SafetensorsFile> byName = new LinkedHashMap<>();
    for (String name : f.names()) byName.put(name, f);
    return new Checkpoint(List.of(f), byName);
  }

  private static Checkpoint sharded(Path folder, Path index) throws IOException {
    JsonObject map = JsonObject.read(index).object("weight_map");
    Map<String, SafetensorsFile> shards = new LinkedHashMap<>();
    Map<String, SafetensorsFile> byName = new LinkedHashMap<>();
    try {
      for (String tensor : map.names()) {
        String shard = map.string(tensor);
        SafetensorsFile f = shards.get(shard);
        if (f == null) {
          f = SafetensorsFile.open(contained(folder, map, tensor, shard));
          shards.put(shard, f);
        }
        if (!f.names().contains(tensor))
          throw map.wrong(tensor, "names shard " + shard + ", which does not hold that tensor");
        byName.put(tensor, f);
      }
      for (SafetensorsFile f : shards.values()) {
        for (String tensor : f.names())
          if (byName.get(tensor) != f)
            throw new FormatException(
                f.path()
                    + ": holds tensor "
                    + tensor
                    + ", which "
                    + index
                    + " does not assign to it; the index and the shards are not of one checkpoint");
      }
      if (shards.isEmpty()) throw new FormatException(index + ": field weight_map is empty");
      return new Checkpoint(new ArrayList<>(shards.values()), byName);
    } catch (IOException | RuntimeException | Error e) {
      shards.values().forEach(SafetensorsFile::close);
      throw e;
    }
  }

  /**
   * A shard must be a plain name and, links followed, still lie in this folder. The one exception
   * is the hub's download cache, whose {@code snapshots/REVISION} folders hold links into its own
   * {@code blobs}.
   */
  private static Path contained(Path folder, JsonObject map, String tensor, String shard)
      throws IOException {
    if (!isPlainName(folder, shard))
      throw map.wrong(
          tensor,
          "names shard \"" + shard + "\"; a shard must be a plain file name in the same folder");
    Path file = folder.resolve(shard);
    if (!Files.exists(file))
      throw map.wrong(
          tensor,
          "names shard "
              + shard
              + ", which is missing from "
              + folder
              + "; download the checkpoint completely");
    Path home = folder.toRealPath();
    Path real = file.toRealPath();
    if (!real.startsWith(home) && !isBlobOf(home, folder.toAbsolutePath().normalize(), real))
      throw map.wrong(
          tensor,
          "names shard "
              + shard
              + ", a link that leaves the folder, to "
              + real
              + "; put the file itself into the folder");
    return file;
  }

  private static boolean isPlainName(Path folder, String shard) {
    if (shard.isEmpty()
        || shard.equals(".")
        || shard.equals("..")
        || shard.contains("/")
        || shard.contains("\\")) return false;
    try {
      Path p = folder.getFileSystem().getPath(shard);
      return p.getRoot() == null && p.getNameCount() == 1;
    } catch (InvalidPathException e) {
      return false;
    }
  }

  private static boolean isBlobOf(Path home, Path folder, Path real) {
    for (Path snapshot : List.of(home, folder)) {
      Path snapshots = snapshot.getParent();
      if (snapshots != null
          && snapshots.endsWith("snapshots")
          && real.startsWith(snapshots.resolveSibling("blobs"))) return true;
    }
    return false;
  }

  /** Names of all tensors. */
  public Set<String> names() {
    return Collections.unmodifiableSet(byName.keySet());
  }

  /** Whether there is a tensor of that name. */
  public boolean has(String name) {
    return byName.containsKey(name);
  }

  /** A tensor in place. */
  public MappedWeight weight(String name) throws FormatException {
    return file(name).weight(name);
  }

  /** A tensor of blocks in place; see {@link SafetensorsFile#blocks}. */
  public MappedWeight blocks(String name, DType type) throws FormatException {
    return file(name).blocks(name, type);
  }

  /** Type and place of a tensor. */
  public TensorInfo info(String name) throws FormatException {
    return file(name).info(name);
  }

  /** Free texts of a single file's header; of the first shard otherwise. */
  public Map<String, String> metadata() {
    return files.getFirst().metadata();
  }

  private SafetensorsFile file(String name) throws FormatException {
    SafetensorsFile f = byName.get(name);
    if (f == null)
      throw new FormatException(files.getFirst().path() + ": has no tensor named " + name);
    return f;
  }

  /** Unmaps all files. */
  @Override
  public void close() {
    files.forEach(SafetensorsFile::close);
  }
}
