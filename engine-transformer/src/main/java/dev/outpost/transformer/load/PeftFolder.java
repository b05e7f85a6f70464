package dev.outpost.transformer.load;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.Checkpoint;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.layer.TokenEmbeddings;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraUpdates;
import dev.outpost.transformer.peft.LoraUpdates.Update;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Adapters as Hugging Face's {@code peft} package keeps them: {@code adapter_config.json} and
 * {@code adapter_model.safetensors}. What peft would compute otherwise than {@link
 * dev.outpost.transformer.peft.Lora} and {@link dev.outpost.transformer.peft.Dora} is refused by
 * its field. So are IA³, prompts and prefixes, each where peft computes the same function.
 */
public final class PeftFolder {
  /** The file by which such a folder is known. */
  public static final String CONFIG = "adapter_config.json";

  private static final String WEIGHTS = "adapter_model.safetensors";
  private static final String PREFIX = "base_model.model.";
  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";
  private static final List<String> WRITTEN = List.of("lora", "dora", "ia3", "prompt", "prefix");
  private static final String MAGNITUDE = ".lora_magnitude_vector";

  /** Fields that, unless absent, null, false or empty, change what is computed. */
  private static final List<String> REFUSED =
      List.of(
          "modules_to_save",
          "layer_replication",
          "target_parameters",
          "trainable_token_indices",
          "alora_invocation_tokens",
          "lora_bias",
          "arrow_config",
          "use_qalora",
          "use_bdlora",
          "kasa_config",
          "monteclora_config",
          "velora_config",
          "megatron_config");

  /** Ways to start that leave the base as it is; others change it when the adapter is loaded. */
  private static final List<Object> STARTS =
      List.of(true, false, "gaussian", "eva", "orthogonal", "lora_ga");

  private PeftFolder() {}

  /** Whether a folder holds such an adapter. */
  public static boolean is(Path folder) {
    return Files.isRegularFile(folder.resolve(CONFIG));
  }

  /**
   * The base model with an adapter attached and frozen: LoRA and DoRA, IA³, prompts, prefixes.
   *
   * @param config the base model's {@code config.json}
   * @throws IllegalArgumentException when it does not fit the model
   */
  public static TransformerModel attach(Path folder, JsonObject config, TransformerModel model)
      throws IOException {
    JsonObject c = JsonObject.read(folder.resolve(CONFIG));
    return switch (c.string("peft_type")) {
      case "IA3" -> PeftVectors.ia3(weights(folder), plain(config), c, model);
      case "PROMPT_TUNING" -> PeftVectors.prompt(weights(folder), c, model);
      case "PREFIX_TUNING" -> {
        refuseGguf(config);
        PeftVectors.refuseMore(c);
        yield PeftPrefix.read(weights(folder), model);
      }
      default -> read(folder, config).attach(model);
    };
  }

  private static JsonObject plain(JsonObject config) throws FormatException {
    refuseGguf(config);
    return config;
  }

  /**
   * Reads and checks LoRA or DoRA.
   *
   * @param config the base model's {@code config.json}
   */
  public static LoraUpdates read(Path folder, JsonObject config) throws IOException {
    refuseGguf(config);
    JsonObject c = JsonObject.read(folder.resolve(CONFIG));
    check(c);
    Path file = weights(folder);
    try (Checkpoint checkpoint = Checkpoint.ofFile(file)) {
      return new LoraUpdates(updates(file, c, checkpoint, Family.of(config).names()));
    }
  }

  /** {@code adapter_config.json} of an adapter that can be read. */
  public static JsonObject config(Path folder) throws IOException {
    JsonObject c = JsonObject.read(folder.resolve(CONFIG));
    if (List.of("IA3", "PROMPT_TUNING", "PREFIX_TUNING").contains(c.string("peft_type")))
      PeftVectors.refuseMore(c);
    else check(c);
    return c;
  }

  /** The file of the numbers, which must be there. */
  public static Path weights(Path folder) throws FormatException {
    Path file = folder.resolve(WEIGHTS);
    if (!Files.isRegularFile(file))
      throw new FormatException(
          file
              + ": no such file; adapters pickled as adapter_model.bin must be saved again with"
              + " safe_serialization");
    return file;
  }

  private static void refuseGguf(JsonObject config) throws FormatException {
    for (String order : FolderOrder.FIELDS)
      if (config.has(order))
        throw config.wrong(
            order,
            "is set: a GGUF file has its rows in another order than peft's adapters; use the"
                + " model's folder (outpost convert makes one)");
  }

  private static void check(JsonObject c) throws FormatException {
    if (!c.string("peft_type").equals("LORA"))
      throw c.wrong(
          "peft_type",
          "is \""
              + c.string("peft_type")
              + "\"; only LORA is supported here; IA3, PROMPT_TUNING and PREFIX_TUNING where models"
              + " are run");
    for (String field : REFUSED)
      if (says(c.value(field)))
        throw c.wrong(field, "is set: such an adapter computes more than LoRA; merge it with peft");
    String bias = c.optionalString("bias").orElse("none");
    if (!bias.equals("none"))
      throw c.wrong("bias", "is \"" + bias + "\"; only none is supported, merge it with peft");
    Object start = c.value("init_lora_weights");
    if (start != null && !STARTS.contains(start))
      throw c.wrong(
          "init_lora_weights",
          "is \"" + start + "\", which changes the base; save the adapter as plain LoRA");
    c.integer("r", 1, 1 << 20);
  }

  private static boolean says(@org.jspecify.annotations.Nullable Object v) {
    return switch (v) {
      case null -> false;
      case Boolean b -> b;
      case Collection<?> all -> !all.isEmpty();
      case Map<?, ?> all -> !all.isEmpty();
      default -> true;
    };
  }

  private static Map<String, Update> updates(
      Path file, JsonObject c, Checkpoint checkpoint, NameTable names) throws FormatException {
    Map<String, Update> updates = new LinkedHashMap<>();
    boolean dora = c.bool("use_dora", false);
    for (String name : checkpoint.names()) {
      if (!name.startsWith(PREFIX)
          || !(name.endsWith(A) || name.endsWith(B) || dora && name.endsWith(MAGNITUDE)))
        throw new FormatException(
            file + ": tensor " + name + " is no part of a LoRA; expected " + PREFIX + "…" + A);
      if (!name.endsWith(A)) continue;
      String module = name.substring(PREFIX.length(), name.length() - A.length());
      String path = path(file, names, name, module);
      Weight a = matrix(file, checkpoint, name);
      String other = PREFIX + module + B;
      if (!checkpoint.names().contains(other))
        throw new FormatException(file + ": has " + name + ", but no " + other);
      Weight b = matrix(file, checkpoint, other);
      int rank = rank(file, c, name, a);
      if (b.shape().dim(1) != rank)
        throw new FormatException(
            file + ": tensor " + other + " " + b.shape() + " does not follow " + a.shape());
      Weight magnitude = dora ? vector(file, checkpoint, PREFIX + module + MAGNITUDE) : null;
      updates.put(path, new Update(a, b, scale(c, module, rank), magnitude));
    }
    if (updates.isEmpty()) throw new FormatException(file + ": holds no LoRA tensor");
    if ((dora ? 3 : 2) * updates.size() != checkpoint.names().size())
      throw new FormatException(file + ": some lora_B has no lora_A, or two names are one tensor");
    return updates;
  }

  /** Our path of the projection that a tensor belongs to. */
  static String path(Path file, NameTable names, String tensor, String module)
      throws FormatException {
    Optional<String> ours = names.ours(module + ".weight");
    if (ours.isEmpty() || !ours.get().startsWith("blocks."))
      throw new FormatException(
          file + ": tensor " + tensor + " belongs to no projection of the base model");
    return ours.get().substring(0, ours.get().length() - ".weight".length());
  }

  private static Weight vector(Path file, Checkpoint checkpoint, String name)
      throws FormatException {
    if (!checkpoint.names().contains(name))
      throw new FormatException(
          file + ": has no " + name + ", which use_dora of " + CONFIG + " asks for");
    Weight w = checkpoint.weight(name);
    if (w.shape().rank() != 1)
      throw new FormatException(
          file + ": tensor " + name + " " + w.shape() + " must be a vector of lengths");
    return finite(file, name, w);
  }

  private static Weight matrix(Path file, Checkpoint checkpoint, String name)
      throws FormatException {
    Weight w = checkpoint.weight(name);
    if (w.shape().rank() != 2 || w.shape().size() == 0)
      throw new FormatException(
          file + ": tensor " + name + " " + w.shape() + " must be a matrix with elements");
    return finite(file, name, w);
  }

  /** The numbers, all finite, on the heap. */
  static HeapWeight finite(Path file, String name, Weight w) throws FormatException {
    HeapWeight values = HeapWeight.of(w.toTensor());
    for (int i = 0; i < values.tensor().size(); i++)
      if (!Float.isFinite(values.tensor().get(i)))
        throw new FormatException(
            file + ": tensor " + name + " holds " + values.tensor().get(i) + "; must be finite");
    return values;
  }

  private static int rank(Path file, JsonObject c, String name, Weight a) throws FormatException {
    int rank = a.shape().dim(0);
    boolean known = rank == c.integer("r", 1, 1 << 20);
    if (c.has("rank_pattern"))
      for (String key : c.object("rank_pattern").names())
        known |= rank == c.object("rank_pattern").integer(key, 1, 1 << 20);
    if (!known)
      throw new FormatException(
          file + ": tensor " + name + " has rank " + rank + ", which " + CONFIG + " does not name");
    return rank;
  }

  private static float scale(JsonObject c, String module, int rank) throws FormatException {
    double alpha = positive(c, "lora_alpha", 8);
    if (c.has("alpha_pattern")) {
      JsonObject pattern = c.object("alpha_pattern");
      for (String key : pattern.names())
        if (names(c, key, module)) {
          alpha = positive(pattern, key, 0);
          break;
        }
    }
    return (float) (alpha / (c.bool("use_rslora", false) ? Math.sqrt(rank) : rank));
  }

  private static double positive(JsonObject c, String field, double otherwise)
      throws FormatException {
    double v = c.number(field, otherwise);
    if (!(v > 0) || !Float.isFinite((float) v))
      throw c.wrong(field, "must be positive and finite, got " + v);
    return v;
  }

  /** peft takes keys as expressions; only the plain ends of names are taken here. */
  private static boolean names(JsonObject c, String key, String module) throws FormatException {
    String plain = key.replace("\\.", ".");
    boolean whole = plain.startsWith("^");
    if (whole) plain = plain.substring(1);
    if (!plain.matches("[A-Za-z0-9_.]+"))
      throw c.wrong("alpha_pattern", "has the expression \"" + key + "\"; use names of modules");
    return module.equals(plain) || !whole && module.endsWith("." + plain);
  }

  /**
   * Writes what a model carries, one method's, as an adapter that peft loads onto the base model.
   *
   * @param base what {@code base_model_name_or_path} says
   * @param config the base model's {@code config.json}
   * @throws IllegalArgumentException when peft has no place for it, or computes another function
   */
  public static void write(Path folder, TransformerModel attached, String base, JsonObject config)
      throws IOException {
    refuseGguf(config);
    String method = Attach.method(attached);
    JsonObject c =
        JsonObject.create()
            .put("task_type", "CAUSAL_LM")
            .put("base_model_name_or_path", base)
            .put("inference_mode", true);
    Map<String, Weight> tensors =
        switch (method) {
          case "lora", "dora" -> {
            write(folder, LoraUpdates.of(attached), base, config, attached.spec());
            yield Map.of();
          }
          case "ia3" -> PeftVectors.ia3(attached, Family.of(config).names(), c);
          case "prompt" ->
              attached.embeddings() instanceof TokenEmbeddings e
                  ? Map.of(PeftVectors.PROMPT, PeftVectors.prompt(e, attached, c))
                  : Map.of();
          case "prefix" -> Map.of(PeftVectors.PROMPT, PeftPrefix.write(attached, c));
          default ->
              throw new IllegalArgumentException(
                  "peft: has no " + method + "; it can be written from " + WRITTEN);
        };
    if (tensors.isEmpty()) return;
    Files.createDirectories(folder);
    SafetensorsWriter.write(folder.resolve(WEIGHTS), tensors, null, Map.of("format", "pt"));
    AtomicFile.write(folder.resolve(CONFIG), c.toText().getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Writes an adapter that peft loads onto the base model; {@code adapter_config.json} last.
   *
   * @param base what {@code base_model_name_or_path} says
   * @param config the base model's {@code config.json}
   */
  public static void write(Path folder, LoraUpdates lora, String base, JsonObject config, Spec spec)
      throws IOException {
    refuseGguf(config);
    NameTable names = Family.of(config).names();
    Map<String, Weight> tensors = new LinkedHashMap<>();
    Map<String, Update> modules = new TreeMap<>();
    lora.updates()
        .forEach((path, u) -> {
          String theirs = names.theirs(path + ".weight");
          String module = theirs.substring(0, theirs.length() - ".weight".length());
          modules.put(module, u);
          tensors.put(PREFIX + module + A, u.a());
          tensors.put(PREFIX + module + B, u.b());
          if (u.magnitude() != null) tensors.put(PREFIX + module + MAGNITUDE, u.magnitude());
        });
    int r = common(modules.values().stream().map(Update::rank).toList());
    double alpha = common(modules.values().stream().map(PeftFolder::alpha).toList());
    Map<String, Object> ranks = new LinkedHashMap<>();
    Map<String, Object> alphas = new LinkedHashMap<>();
    modules.forEach((module, u) -> {
      if (u.rank() != r) ranks.put(module, u.rank());
      if (alpha(u) != alpha) alphas.put(module, alpha(u));
    });
    Files.createDirectories(folder);
    SafetensorsWriter.write(folder.resolve(WEIGHTS), tensors, null, Map.of("format", "pt"));
    JsonObject c =
        JsonObject.create()
            .put("peft_type", "LORA")
            .put("task_type", "CAUSAL_LM")
            .put("base_model_name_or_path", base)
            .put("inference_mode", true)
            .put("r", r)
            .put("lora_alpha", alpha == Math.rint(alpha) ? (Object) (long) alpha : alpha)
            .put("lora_dropout", 0.0)
            .put("target_modules", List.copyOf(modules.keySet()))
            .put("rank_pattern", ranks)
            .put("alpha_pattern", alphas)
            .put("bias", "none")
            .put("fan_in_fan_out", spec.layout() == Linear.Layout.IN_OUT)
            .put("use_rslora", false)
            .put("use_dora", lora.dora())
            .put("init_lora_weights", true);
    AtomicFile.write(folder.resolve(CONFIG), c.toText().getBytes(StandardCharsets.UTF_8));
  }

  /** alpha such that alpha / r is the scale; the nearest short decimal if it gives the same f32. */
  private static double alpha(Update u) {
    double exact = (double) u.scale() * u.rank();
    double shorter = Math.rint(exact * 1e4) / 1e4;
    return (float) (shorter / u.rank()) == u.scale() ? shorter : exact;
  }

  private static <T> T common(List<T> all) {
    return all.stream()
        .collect(Collectors.groupingBy(v -> v, LinkedHashMap::new, Collectors.counting()))
        .entrySet()
        .stream()
        .max(Comparator.comparingLong(Map.Entry::getValue))
        .orElseThrow()
        .getKey();
  }
}
