package dev.outpost.transformer.load;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.io.Checkpoint;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.module.Parameter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Parameters read in place from a checkpoint's files. Matrices stay mapped; vectors (norms, biases)
 * are small and used element by element, so they are copied to f32.
 */
public final class CheckpointSource implements WeightSource {
  private final Path folder;
  private final Checkpoint checkpoint;
  private final Map<String, String> fileNames = new HashMap<>();
  private final Map<String, DType> blocks;
  private final List<String> unknown = new ArrayList<>();
  private final List<String> ignored = new ArrayList<>();
  private final Set<String> used = new HashSet<>();

  private CheckpointSource(
      Path folder,
      Checkpoint checkpoint,
      Function<String, Optional<String>> names,
      Predicate<String> ignores,
      Map<String, DType> blocks)
      throws FormatException {
    this.blocks = Map.copyOf(blocks);
    this.folder = folder;
    this.checkpoint = checkpoint;
    for (String theirs : checkpoint.names()) {
      if (ignores.test(theirs)) {
        ignored.add(theirs);
        continue;
      }
      Optional<String> ours = names.apply(theirs);
      if (ours.isEmpty()) unknown.add(theirs);
      else {
        String twin = fileNames.put(ours.get(), theirs);
        if (twin != null)
          throw new FormatException(
              folder
                  + ": tensors "
                  + twin
                  + " and "
                  + theirs
                  + " are both the parameter "
                  + ours.get());
      }
    }
  }

  /** A checkpoint of a family, its names translated. */
  public static CheckpointSource of(Path folder, Checkpoint checkpoint, NameTable names)
      throws FormatException {
    return new CheckpointSource(folder, checkpoint, names::ours, names::ignores, Map.of());
  }

  /** A checkpoint under the engine's own names. */
  public static CheckpointSource ofOwnNames(Path folder, Checkpoint checkpoint)
      throws FormatException {
    return ofOwnNames(folder, checkpoint, Map.of());
  }

  /**
   * The same, where some tensors hold the blocks of a GGUF type.
   *
   * @param blocks that type, by name
   */
  public static CheckpointSource ofOwnNames(
      Path folder, Checkpoint checkpoint, Map<String, DType> blocks) throws FormatException {
    return new CheckpointSource(folder, checkpoint, Optional::of, name -> false, blocks);
  }

  /** Whether the checkpoint holds the parameter. */
  public boolean has(String name) {
    return fileNames.containsKey(name);
  }

  @Override
  public Parameter get(String name, Shape shape) throws FormatException {
    String theirs = fileNames.get(name);
    if (theirs == null)
      throw new FormatException(
          folder
              + ": no tensor for parameter "
              + name
              + " "
              + shape
              + "; the checkpoint is incomplete or of another family (it holds "
              + checkpoint.names().size()
              + " tensors)");
    used.add(name);
    DType block = blocks.get(theirs);
    Weight w = block == null ? checkpoint.weight(theirs) : checkpoint.blocks(theirs, block);
    if (!w.shape().equals(shape))
      throw new FormatException(
          folder
              + ": tensor "
              + theirs
              + " has shape "
              + w.shape()
              + ", but config.json asks for "
              + shape
              + " (parameter "
              + name
              + ")");
    return Parameter.frozen(shape.rank() == 1 ? HeapWeight.of(w.toTensor()) : w);
  }

  /** What was found and not asked for, so far. */
  public LoadReport report(List<String> notes) {
    List<String> unused = new ArrayList<>(unknown);
    fileNames.forEach((ours, theirs) -> {
      if (!used.contains(ours)) unused.add(theirs);
    });
    unused.sort(null);
    return new LoadReport(unused, ignored, notes);
  }
}
