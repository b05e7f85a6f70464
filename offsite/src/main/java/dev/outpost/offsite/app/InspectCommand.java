package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.LayerRanking;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.Seal;
import dev.outpost.offsite.emulator.EmulatorSteps;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsFile;
import dev.outpost.tensor.kernel.Devices;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.KernelsSelection;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.load.PeftFolder;
import dev.outpost.transformer.peft.PeftMethod;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outpost inspect}: what a folder or file is, and whether it is whole. */
@CommandLine.Command(
    name = "inspect",
    description =
        "Tell what a model, package, adapter, ranking or safetensors file holds, and check it. Without a path: this machine and its kernels. With the word families: the kinds of model that open; with methods: the ways to make an emulator and to tune; with devices: what can compute here, and how fast.",
    footer = {"", "Example: outpost inspect package"})
final class InspectCommand extends Command {
  /** For each figure of a device. */
  private static final double SECONDS = 0.2;

  @Parameters(
      arity = "0..1",
      paramLabel = "PATH",
      description =
          "A model folder, package, adapter (also one of peft), ranking, or .gguf or .safetensors file; or the word families, methods or devices.")
  Path path;

  @Option(names = "--tensors", description = "List every tensor.")
  boolean tensors;

  @Mixin SealOptions.Verifying seal;

  InspectCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    BadInput.unless(path != null || seal.verify == null, "--verify: needs a folder to verify");
    if (path != null) path = ModelOptions.located(path);
    seal.check(path);
    JsonObject found =
        path == null
            ? machine(kernels)
            : path.toString().equals("families")
                ? families(console)
                : path.toString().equals("methods")
                    ? methods(console)
                    : path.toString().equals("devices")
                        ? new DeviceTable(console, kernels, SECONDS).show(Devices.find())
                        : path.toString().endsWith(".gguf") && Files.isRegularFile(path)
                            ? model(console)
                            : Files.isRegularFile(path) ? file(console) : folder(console);
    for (String field : found.names())
      console.say(String.format(Locale.ROOT, "%-18s %s", field, text(found, field)));
    console.emit(found);
    return ExitCode.OK;
  }

  private static String text(JsonObject o, String field) {
    return text(o.value(field));
  }

  private static String text(@Nullable Object value) {
    return switch (value) {
      case Number n when !(n instanceof Double) -> String.format(Locale.ROOT, "%,d", n.longValue());
      case Map<?, ?> all ->
          all.entrySet().stream()
              .map(e -> e.getKey() + " " + text(e.getValue()))
              .collect(Collectors.joining("; "));
      case null, default -> String.valueOf(value);
    };
  }

  private JsonObject machine(Kernels kernels) {
    return JsonObject.create()
        .put("kind", "machine")
        .put(
            "java",
            System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"))
        .put("processors", Runtime.getRuntime().availableProcessors())
        .put("max_heap_bytes", Runtime.getRuntime().maxMemory())
        .put("kernels", kernels.name())
        .put("selection", KernelsSelection.current().describe());
  }

  /** A folder of this name is {@code ./families}. */
  private static JsonObject families(Console console) {
    JsonObject o =
        JsonObject.create().put("kind", "families").put("supported", Family.all().size());
    for (Family f : Family.all())
      console.say(String.format(Locale.ROOT, "%-18s %s", f.modelType(), kind(f)));
    if (console.json())
      o.put(
          "families",
          Family.all().stream()
              .map(f -> JsonObject.create().put("model_type", f.modelType()).put("kind", kind(f)))
              .toList());
    return o;
  }

  /** The steps that make an emulator, and the methods of {@code tune}. */
  private static JsonObject methods(Console console) {
    List<EmulatorSteps.Kind> steps = EmulatorSteps.all();
    for (EmulatorSteps.Kind k : steps)
      console.say(String.format(Locale.ROOT, "%-18s %s", k.name(), k.summary()));
    for (String name : PeftMethod.NAMES)
      console.say(String.format(Locale.ROOT, "%-18s tune --method %s", name, name));
    JsonObject o = JsonObject.create().put("kind", "methods");
    if (console.json())
      o.put("peft", PeftMethod.NAMES)
          .put(
              "steps",
              steps.stream()
                  .map(k -> JsonObject.create().put("name", k.name()).put("summary", k.summary()))
                  .toList());
    return o;
  }

  private static String kind(Family f) {
    return f.kind().name().toLowerCase(Locale.ROOT);
  }

  private JsonObject file(Console console) throws IOException {
    try (SafetensorsFile f = SafetensorsFile.open(path)) {
      JsonObject o =
          JsonObject.create()
              .put("kind", "safetensors")
              .put("path", path.toString())
              .put("tensors", f.names().size())
              .put("bytes", Files.size(path))
              .put("metadata", f.metadata());
      List<Listed> all = new ArrayList<>();
      for (String name : f.names())
        all.add(new Listed(name, f.info(name).dtype(), f.info(name).dims()));
      return list(console, o, all);
    }
  }

  private JsonObject folder(Console console) throws IOException {
    Path manifest = path.resolve("manifest.json");
    if (!Files.isDirectory(path)) throw new BadInput(path + ": no such file or folder");
    if (Files.exists(path.resolve(LayerRanking.FILE))) return ranking();
    if (PeftFolder.is(path)) return peft(console);
    if (!Files.exists(manifest)) return model(console);
    String format = JsonObject.read(manifest).string("format");
    return switch (format) {
      case OffsitePackage.FORMAT -> pack(console);
      case AdapterArtifact.FORMAT -> adapter(console);
      default ->
          throw new BadInput(
              manifest
                  + ": field format is \""
                  + format
                  + "\"; known: "
                  + OffsitePackage.FORMAT
                  + ", "
                  + AdapterArtifact.FORMAT);
    };
  }

  private JsonObject model(Console console) throws IOException {
    try (ModelFolder f = ModelFolder.open(path)) {
      JsonObject o = JsonObject.create().put("kind", "model").put("path", path.toString());
      spec(o, f.model());
      ModelFacts.put(o, path, f.model());
      o.put("fingerprint", BaseFingerprint.of(f.model()).sha256())
          .put("unused_tensors", f.report().unused())
          .put("notes", f.report().notes());
      return list(console, o, tensors(f.model()));
    }
  }

  private JsonObject pack(Console console) throws IOException {
    try (OffsitePackage p = OffsitePackage.open(path)) {
      JsonObject o = JsonObject.create().put("kind", "package").put("path", path.toString());
      spec(o, p.model());
      o.put("slots", p.model().slots().stream().map(s -> s.name()).toList())
          .put("adapter_slots", p.adapterSlots())
          .put("base_fingerprint", p.base().sha256())
          .put("recipe", p.recipe());
      origin(o);
      return list(console, o, tensors(p.model()));
    }
  }

  private JsonObject ranking() throws IOException {
    LayerRanking r = LayerRanking.read(path);
    return JsonObject.create()
        .put("kind", "ranking")
        .put("path", path.toString())
        .put("blocks", r.scores().size())
        .put("group", r.group())
        .put("rank", r.harmonizers().getFirst().rank())
        .put("scores", r.scores())
        .put("base_fingerprint", r.base().sha256())
        .put("settings", r.settings());
  }

  private JsonObject adapter(Console console) throws IOException {
    AdapterArtifact a = AdapterArtifact.read(path);
    JsonObject o =
        JsonObject.create()
            .put("kind", "adapter")
            .put("path", path.toString())
            .put("method", a.method().describe())
            .put("slots", a.slots())
            .put("tensors", a.tensors().size())
            .put("parameters", a.tensors().values().stream().mapToLong(w -> w.shape().size()).sum())
            .put("base_fingerprint", a.base().sha256())
            .put("provenance", a.provenance());
    origin(o);
    List<Listed> all = new ArrayList<>();
    a.tensors()
        .forEach((name, w) -> all.add(new Listed(name, w.dtype().toString(), dims(w.shape()))));
    return list(console, o, all);
  }

  /** Without its base only its own two files can be checked. */
  private JsonObject peft(Console console) throws IOException {
    JsonObject c = PeftFolder.config(path);
    try (SafetensorsFile f = SafetensorsFile.open(PeftFolder.weights(path))) {
      List<Listed> all = new ArrayList<>();
      long parameters = 0;
      for (String name : f.names()) {
        all.add(new Listed(name, f.info(name).dtype(), f.info(name).dims()));
        parameters += Arrays.stream(f.info(name).dims()).reduce(1, (a, b) -> a * b);
      }
      JsonObject o =
          JsonObject.create()
              .put("kind", "peft adapter")
              .put("path", path.toString())
              .put("method", c.string("peft_type"))
              .put("base_model", c.optionalString("base_model_name_or_path").orElse("not said"));
      for (String field :
          List.of(
              "r", "lora_alpha", "use_rslora", "target_modules", "rank_pattern", "alpha_pattern"))
        if (c.has(field)) o.put(field, c.value(field));
      o.put("tensors", all.size()).put("parameters", parameters);
      return list(console, o, all);
    }
  }

  /** Which program made a folder, and who answers for it. */
  private void origin(JsonObject o) throws IOException {
    JsonObject manifest = JsonObject.read(path.resolve("manifest.json"));
    if (manifest.has("made_by")) o.put("made_by", manifest.object("made_by"));
    o.put(
        "signature",
        seal.verify != null
            ? "of " + seal.verify
            : Seal.isThere(path) ? "there, not verified; use --verify" : "none");
  }

  private record Listed(String name, String dtype, long[] dims) {}

  private static long[] dims(Shape shape) {
    return IntStream.of(shape.dims()).asLongStream().toArray();
  }

  private static List<Listed> tensors(TransformerModel m) {
    List<Listed> all = new ArrayList<>();
    m.visit((name, p) -> all.add(new Listed(name, p.weight().dtype().toString(), dims(p.shape()))));
    return all;
  }

  /**
   * With {@code --tensors} says them one per line, or adds them to the JSON as {@code tensor_list}.
   */
  private JsonObject list(Console console, JsonObject o, List<Listed> all) {
    if (!tensors) return o;
    for (Listed t : all)
      console.say(
          String.format(Locale.ROOT, "%-4s %-14s %s", t.dtype, Arrays.toString(t.dims), t.name));
    if (console.json())
      o.put(
          "tensor_list",
          all.stream()
              .map(t ->
                  JsonObject.create()
                      .put("name", t.name)
                      .put("dtype", t.dtype)
                      .put("shape", Arrays.stream(t.dims).boxed().toList()))
              .toList());
    return o;
  }

  private static void spec(JsonObject o, TransformerModel m) {
    Spec s = m.spec();
    o.put("family", s.family())
        .put("vocabulary", s.vocabularySize())
        .put("context", s.context())
        .put("width", s.width())
        .put("blocks", m.slots().size())
        .put("blocks_of_base", s.layers())
        .put("heads", s.attention().heads())
        .put("kv_heads", s.attention().kvHeads())
        .put("parameters", m.count(false));
  }
}
