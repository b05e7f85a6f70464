package dev.outpost.transformer.load;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufWriter;
import dev.outpost.tensor.io.GgufWriter.Order.Rows;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.peft.LoraUpdates;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes a whole model as one GGUF file that llama.cpp opens: metadata, tokenizer, tensors by
 * llama.cpp's names. Vectors stay F32, as there.
 */
public final class GgufExport {
  private GgufExport() {}

  /**
   * Replaces {@code file}.
   *
   * @param config the model's {@code config.json}
   * @param tokenizer what {@link dev.outpost.transformer.text.GgufTokenizerWriter} gives
   * @param dtype of the matrices; null keeps each one's own. Rows that are no whole blocks of it
   *     are F16
   * @throws FormatException for a family or a choice that llama.cpp has no words for
   */
  public static void write(
      Path file,
      TransformerModel model,
      JsonObject config,
      String title,
      Map<String, Object> tokenizer,
      @Nullable DType dtype,
      GgufWriter.Progress progress)
      throws IOException {
    GgufArchitecture architecture = architecture(config);
    Map<String, Object> metadata = metadata(architecture, model.spec(), config);
    metadata.put("general.name", title);
    DType mostly =
        dtype != null ? dtype : model.parameters().values().iterator().next().weight().dtype();
    metadata.put("general.file_type", fileType(mostly));
    if (mostly.isBlocked()) metadata.put("general.quantization_version", 2);
    metadata.putAll(tokenizer);
    List<GgufWriter.Entry> tensors = new ArrayList<>();
    model.visit(
        (name, p) -> tensors.add(entry(architecture, model.spec(), name, p.weight(), dtype)));
    GgufWriter.write(file, metadata, tensors, progress);
  }

  /** The architecture of a configuration, or why there is none. */
  static GgufArchitecture architecture(JsonObject config) throws FormatException {
    String type = config.string("model_type");
    return GgufArchitecture.of(type)
        .orElseThrow(() ->
            config.wrong(
                "model_type",
                "is \""
                    + type
                    + "\", which cannot be written as GGUF; supported: "
                    + GgufArchitecture.supported()));
  }

  private static Map<String, Object> metadata(
      GgufArchitecture architecture, Spec spec, JsonObject config) throws FormatException {
    JsonObject plain = Family.of(config).write(spec, 0);
    refuse(plain, "rope_scaling", "scaled positions");
    refuse(plain, "rope_parameters", "scaled positions");
    if (Boolean.TRUE.equals(plain.value("mlp_bias"))
        || Boolean.TRUE.equals(plain.value("attention_bias")))
      throw config.wrong(
          "attention_bias or mlp_bias", "is true: GGUF has no words for it in llama");
    Object activation =
        plain.has("hidden_act") ? plain.value("hidden_act") : plain.value("activation_function");
    String wanted = architecture.equals(GgufArchitecture.GPT2) ? "gelu_new" : "silu";
    if (!wanted.equals(activation))
      throw config.wrong(
          "hidden_act or activation_function",
          "is " + activation + "; a GGUF " + architecture.name() + " always computes " + wanted);
    return new LinkedHashMap<>(architecture.metadata(plain));
  }

  private static void refuse(JsonObject config, String field, String what) throws FormatException {
    if (config.has(field))
      throw config.wrong(field, "is set: " + what + " cannot be written as GGUF");
  }

  private static GgufWriter.Entry entry(
      GgufArchitecture a, Spec spec, String name, Weight w, @Nullable DType dtype) {
    boolean matrix = w.shape().rank() == 2;
    boolean projection =
        matrix && name.startsWith("blocks.") && spec.layout() == Linear.Layout.IN_OUT;
    boolean turned =
        a.neighbours() && halves(spec) && name.matches(".*\\.attn\\.[qk]\\.(weight|bias)");
    GgufWriter.Order order =
        projection
            ? new GgufWriter.Order.Transposed()
            : turned
                ? new GgufWriter.Order.Rows(neighbours(w.shape(), spec.attention().headDim()))
                : new GgufWriter.Order.Same();
    int cols = w.shape().dim(projection ? 0 : w.shape().rank() - 1);
    DType type = !matrix ? DType.F32 : dtype == null ? w.dtype() : dtype;
    if (cols % type.blockSize() != 0) type = DType.F16;
    return new GgufWriter.Entry(a.names().theirs(name), w, type, order);
  }

  private static boolean halves(Spec spec) {
    return spec.positions() instanceof Spec.Positions.Rotary r
        && r.pairing() == RotaryPairing.HALVES;
  }

  /** Row h·D + 2i + s of neighbours is row h·D + s·D/2 + i of halves. */
  private static int[] neighbours(Shape shape, int headDim) {
    int[] from = new int[shape.dim(0)];
    for (int r = 0; r < from.length; r++) {
      int d = r % headDim;
      from[r] = r - d + d % 2 * (headDim / 2) + d / 2;
    }
    return from;
  }

  /** llama.cpp's number for a file that is mostly of a type. */
  private static int fileType(DType dtype) {
    return switch (dtype) {
      case F32 -> 0;
      case F16 -> 1;
      case Q4_0 -> 2;
      case Q4_1 -> 3;
      case Q8_0 -> 7;
      case Q5_0 -> 8;
      case Q5_1 -> 9;
      case Q4_K -> 15;
      case Q5_K -> 17;
      case Q6_K -> 18;
      case BF16 -> 32;
    };
  }

  /**
   * Writes LoRA as llama.cpp's adapter file: {@code lora_a} and {@code lora_b} under each tensor's
   * name. One alpha serves all of them, so b carries what differs.
   */
  public static void lora(
      Path file, LoraUpdates lora, JsonObject config, Spec spec, GgufWriter.Progress progress)
      throws IOException {
    GgufArchitecture a = architecture(config);
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("general.architecture", a.name());
    metadata.put("general.type", "adapter");
    metadata.put("adapter.type", "lora");
    LoraUpdates.Update first = lora.updates().values().iterator().next();
    float alpha = first.scale() * first.rank();
    metadata.put("adapter.lora.alpha", alpha);
    List<GgufWriter.Entry> tensors = new ArrayList<>();
    lora.updates()
        .forEach((path, u) -> {
          String name = a.names().theirs(path + ".weight");
          tensors.add(new GgufWriter.Entry(name + ".lora_a", u.a(), DType.F32));
          Tensor b = u.b().toTensor();
          float factor = u.scale() * u.rank() / alpha;
          if (factor != 1) for (int i = 0; i < b.size(); i++) b.data()[b.offset() + i] *= factor;
          GgufWriter.Order order =
              entry(a, spec, path + ".weight", u.b(), DType.F32).order() instanceof Rows rows
                  ? rows
                  : new GgufWriter.Order.Same();
          tensors.add(new GgufWriter.Entry(name + ".lora_b", HeapWeight.of(b), DType.F32, order));
        });
    GgufWriter.write(file, metadata, tensors, progress);
  }
}
