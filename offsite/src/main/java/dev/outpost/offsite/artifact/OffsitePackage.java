package dev.outpost.offsite.artifact;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.io.Checkpoint;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.layer.Head;
import dev.outpost.transformer.load.CheckpointSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the owner sends: adapter and emulator as one model, its configuration, and a manifest. A
 * folder of {@code config.json}, {@code model.safetensors} (the engine's own names), {@code
 * manifest.json}, and the tokenizer's files. It holds nothing of the blocks that were dropped. What
 * of the emulator is no ordinary block the manifest says in its field {@code blocks}; which tensors
 * (of type U8) hold GGUF's blocks, and of which type, in {@code block_types}.
 */
public final class OffsitePackage implements AutoCloseable {
  /** What {@code manifest.json} says in its field {@code format}. */
  public static final String FORMAT = "outpost-package";

  private static final String WEIGHTS = "model.safetensors";

  private final Path path;
  private final JsonObject manifest;
  private final JsonObject config;
  private final Checkpoint checkpoint;
  private final TransformerModel model;
  private final Set<String> adapterSlots;

  private OffsitePackage(
      Path path,
      JsonObject manifest,
      JsonObject config,
      Checkpoint checkpoint,
      TransformerModel model,
      Set<String> adapterSlots) {
    this.path = path;
    this.manifest = manifest;
    this.config = config;
    this.checkpoint = checkpoint;
    this.model = model;
    this.adapterSlots = adapterSlots;
  }

  /**
   * Writes a package; the manifest with the digests comes last, so that a folder whose digests are
   * right is a whole package; on a full disk the old one stays.
   *
   * @param emulated adapter and emulator as one model
   * @param adapterSlots the slots the data owner may tune
   * @param base fingerprint of the full model
   * @param config the full model's {@code config.json}
   * @param recipe how the emulator was made: steps, data, seeds
   * @param dtype stored type of plain tensors; null keeps each one's own. GGUF's block types stay
   *     as they are, and the manifest names them
   */
  public static void write(
      Path folder,
      TransformerModel emulated,
      Set<String> adapterSlots,
      BaseFingerprint base,
      JsonObject config,
      JsonObject recipe,
      @Nullable DType dtype)
      throws IOException {
    Blueprint blueprint = Blueprint.of(emulated);
    Map<String, Weight> tensors = blueprint.tensors(emulated);
    SafetensorsWriter.writeKeepingBlocks(
        folder.resolve(WEIGHTS), tensors, dtype, Map.of("format", FORMAT));
    JsonObject types = JsonObject.create();
    tensors.forEach((name, w) -> {
      if (w.dtype().isBlocked()) types.put(name, w.dtype().name());
    });
    config.write(folder.resolve("config.json"));
    Manifest.ofFolder(FORMAT, base, folder.resolve(WEIGHTS))
        .put("config_sha256", Digest.of(folder.resolve("config.json")))
        .put("slots", emulated.slots().stream().map(s -> s.name()).toList())
        .put("adapter_slots", List.copyOf(adapterSlots))
        .put("blocks", blueprint.toJson())
        .put("block_types", types)
        .put("recipe", recipe)
        .write(folder.resolve(Manifest.FILE));
  }

  /** Opens a package and checks it: manifest, digest, names, shapes. */
  public static OffsitePackage open(Path folder) throws IOException {
    JsonObject manifest = Manifest.read(folder, FORMAT, WEIGHTS);
    Manifest.base(manifest);
    // Heads and activation leave no trace in any shape: a changed config would compute something
    // else in silence.
    Manifest.requireDigest(manifest, "config_sha256", folder.resolve("config.json"));
    JsonObject config = JsonObject.read(folder.resolve("config.json"));
    Spec spec = Family.of(config).read(config);
    List<String> slots = manifest.strings("slots");
    Set<String> adapter = new LinkedHashSet<>(manifest.strings("adapter_slots"));
    for (String s : slots)
      if (!s.matches("blocks\\.(0|[1-9][0-9]{0,5})")
          || Integer.parseInt(s.substring(7)) >= spec.layers())
        throw manifest.wrong(
            "slots", "names " + s + ", which is no block of a model of " + spec.layers());
    if (new LinkedHashSet<>(slots).size() != slots.size())
      throw manifest.wrong("slots", "must be distinct, got " + slots);
    Set<String> tunable = new LinkedHashSet<>(slots);
    tunable.addAll(Head.slots(spec));
    if (adapter.isEmpty() || !tunable.containsAll(adapter))
      throw manifest.wrong(
          "adapter_slots", "must be some of slots " + tunable + ", got " + adapter);
    Checkpoint checkpoint = Checkpoint.ofFile(folder.resolve(WEIGHTS));
    try {
      CheckpointSource source =
          CheckpointSource.ofOwnNames(folder, checkpoint, blockTypes(manifest, checkpoint));
      TransformerModel model = Blueprint.read(manifest, slots, spec).build(spec, slots, source);
      List<String> unused = source.report(List.of()).unused();
      if (!unused.isEmpty())
        throw new FormatException(
            folder.resolve(WEIGHTS) + ": holds tensors that are no part of the package: " + unused);
      return new OffsitePackage(folder, manifest, config, checkpoint, model, adapter);
    } catch (IOException | RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }

  private static Map<String, DType> blockTypes(JsonObject manifest, Checkpoint checkpoint)
      throws FormatException {
    Map<String, DType> types = new HashMap<>();
    if (!manifest.has("block_types")) return types;
    JsonObject given = manifest.object("block_types");
    for (String name : given.names()) {
      String word = given.string(name);
      DType type =
          Arrays.stream(DType.values())
              .filter(t -> t.isBlocked() && t.name().equals(word))
              .findFirst()
              .orElseThrow(() ->
                  given.wrong(
                      name, "is \"" + word + "\", which is no block type of GGUF known here"));
      if (!checkpoint.has(name))
        throw given.wrong(name, "is of no tensor that " + WEIGHTS + " holds");
      types.put(name, type);
    }
    return types;
  }

  /** Adapter and emulator as one model, everything frozen and mapped. */
  public TransformerModel model() {
    return model;
  }

  /** The slots to tune. */
  public Set<String> adapterSlots() {
    return java.util.Collections.unmodifiableSet(adapterSlots);
  }

  /** Fingerprint of the owner's full model. */
  public BaseFingerprint base() throws FormatException {
    return Manifest.base(manifest);
  }

  /** Digest of the weights: which package this is. */
  public String sha256() throws FormatException {
    return manifest.string("weights_sha256");
  }

  /** The full model's {@code config.json}. */
  public JsonObject config() {
    return config;
  }

  /** How the emulator was made. */
  public JsonObject recipe() throws FormatException {
    return manifest.object("recipe");
  }

  /** The folder. */
  public Path path() {
    return path;
  }

  /** Unmaps the weights. */
  @Override
  public void close() {
    checkpoint.close();
  }
}
