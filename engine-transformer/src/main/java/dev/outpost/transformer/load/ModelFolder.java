package dev.outpost.transformer.load;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.Checkpoint;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufFile;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.peft.Attach;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * A Hugging Face model folder, open: {@code config.json} and {@code model.safetensors} (or shards).
 * The model reads its frozen matrices from the mapped files, so it must not be used after {@link
 * #close}.
 */
public final class ModelFolder implements AutoCloseable {
  private final Path path;
  private final JsonObject config;
  private final AutoCloseable files;
  private final TransformerModel model;
  private final LoadReport report;

  private ModelFolder(
      Path path,
      JsonObject config,
      AutoCloseable files,
      TransformerModel model,
      LoadReport report) {
    this.path = path;
    this.config = config;
    this.files = files;
    this.model = model;
    this.report = report;
  }

  /**
   * Opens a folder, or a GGUF file as if it were one. Fails with the file, the field and the rule
   * when something does not fit; leaves nothing open then.
   */
  public static ModelFolder open(Path folder) throws IOException {
    if (GgufModel.names(folder)) return gguf(folder);
    if (!Files.isDirectory(folder))
      throw new FormatException(
          folder + ": no such folder; a model is a folder with config.json and model.safetensors");
    JsonObject config = JsonObject.read(folder.resolve("config.json"));
    Family family = Family.of(config);
    Spec spec = family.read(config);
    Checkpoint checkpoint = Checkpoint.open(folder);
    try {
      CheckpointSource source = CheckpointSource.of(folder, checkpoint, family.names(spec));
      List<String> notes = new ArrayList<>();
      if (spec.head().tied() && source.has("head.weight"))
        notes.add("lm_head.weight is stored but tied to the token embedding: not used");
      TransformerModel model = ModelFactory.build(spec, source);
      return new ModelFolder(folder, family.kept(config), checkpoint, model, source.report(notes));
    } catch (IOException | RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }

  private static ModelFolder gguf(Path path) throws IOException {
    GgufFile file = GgufFile.open(path);
    try {
      GgufModel read = GgufModel.read(file);
      return new ModelFolder(path, read.config(), file, read.model(), read.report());
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /** The model, everything frozen. */
  public TransformerModel model() {
    return model;
  }

  /**
   * {@code config.json} as read; of a CLIP that of its image half; of a GGUF file, what a folder of
   * that model would have.
   */
  public JsonObject config() {
    return config;
  }

  /** What the files held besides. */
  public LoadReport report() {
    return report;
  }

  /** The folder or file. */
  public Path path() {
    return path;
  }

  /** Unmaps the files. */
  @Override
  public void close() throws IOException {
    switch (files) {
      case GgufFile f -> f.close();
      case Checkpoint c -> c.close();
      default -> throw new AssertionError("opened as one of the two");
    }
  }

  /**
   * Writes a model as a Hugging Face folder: {@code model.safetensors} first, {@code config.json}
   * last, each the whole new file or the old one. Query and key rows go in that format's order,
   * also those of a model from a GGUF file.
   *
   * @param config what to write as {@code config.json}: the source folder's, or {@link
   *     Family#write}
   * @param dtype stored type of all tensors; null keeps each one's own, GGUF's block types in F32
   * @throws IllegalArgumentException when the folder could not be read back: the model lacks
   *     blocks, carries an adapter, or is not what {@code config} describes; then nothing is
   *     written
   */
  public static void write(
      Path folder,
      TransformerModel model,
      JsonObject config,
      @org.jspecify.annotations.Nullable DType dtype)
      throws IOException {
    write(folder, model, config, dtype, Long.MAX_VALUE);
  }

  /**
   * The same in files of at most {@code shard} bytes of tensors each, or one tensor where that is
   * larger, and an index beside them; one file without an index when all fits in it.
   */
  public static void write(
      Path folder,
      TransformerModel model,
      JsonObject config,
      @org.jspecify.annotations.Nullable DType dtype,
      long shard)
      throws IOException {
    JsonObject theirs = FolderOrder.config(config);
    Family family = Family.of(theirs);
    Spec spec = model.spec();
    NameTable names = family.names(spec);
    // What a reader will see: a config made here holds its numbers in other types until it is text.
    Spec described = family.read(JsonObject.parse("config.json", theirs.toText()));
    FolderOrder order = new FolderOrder(spec, described);
    requireWhole(model, order.spec(), described);
    Map<String, Weight> tensors = new LinkedHashMap<>();
    model.visit((ours, p) -> tensors.put(names.theirs(ours), order.weight(ours, p.weight())));
    Files.createDirectories(folder);
    Shards.write(folder, tensors, dtype, shard);
    AtomicFile.write(
        folder.resolve("config.json"),
        theirs.toText().getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  private static void requireWhole(TransformerModel model, Spec spec, Spec described) {
    Attach.requirePlain("model folder", model);
    if (!described.equals(spec))
      throw new IllegalArgumentException(
          "model folder: config.json describes " + described + ", the model is " + spec);
    List<String> slots = model.slots().stream().map(Slot::name).toList();
    List<String> whole =
        IntStream.range(0, described.layers()).mapToObj(i -> "blocks." + i).toList();
    if (!slots.equals(whole))
      throw new IllegalArgumentException(
          "model folder: only a whole model can be written, n_layer is "
              + described.layers()
              + ", but the model's slots are "
              + slots);
  }
}
