package dev.outpost.transformer.load;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufWriter;
import dev.outpost.tensor.io.GgufWriter.Order.Rows;
import dev.outpost.tensor.io.GgufWriter.Order.Transposed;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Llama;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.peft.Attach;
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
    Attach.requirePlain("gguf", model);
    GgufArchitecture architecture = architecture(config);
    Map<String, Object> metadata = new GgufChoices(architecture).write(model.spec(), config);
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

  private static GgufWriter.Entry entry(
      GgufArchitecture a, Spec spec, String name, Weight w, @Nullable DType dtype) {
    boolean matrix = w.shape().rank() == 2;
    GgufWriter.Order order = order(a, spec, name, w.shape());
    int cols = w.shape().dim(order instanceof Transposed ? 0 : w.shape().rank() - 1);
    DType type = !matrix ? DType.F32 : dtype == null ? w.dtype() : dtype;
    if (cols % type.blockSize() != 0) type = DType.F16;
    boolean fromOne =
        spec.norms().kind() == Norm.Kind.RMS_FROM_ONE
            && name.endsWith(".weight")
            && w.shape().rank() == 1;
    return new GgufWriter.Entry(a.names().theirs(name), fromOne ? shifted(w, 1) : w, type, order);
  }

  private static GgufWriter.Order order(GgufArchitecture a, Spec spec, String name, Shape shape) {
    Spec.Attention attention = spec.attention();
    if (shape.rank() == 2 && name.startsWith("blocks.") && spec.layout() == Linear.Layout.IN_OUT)
      return new Transposed();
    if (Llama.NEIGHBOURS.equals(a.order())
        && halves(spec)
        && name.matches(".*\\.attn\\.[qk]\\.(weight|bias)"))
      return new Rows(neighbours(shape, attention.headDim()));
    if (attention.inputs() == Spec.Inputs.INTERLEAVED && name.contains(".attn.qkv."))
      return new Rows(byKind(attention.heads(), attention.headDim()));
    return new GgufWriter.Order.Same();
  }

  /** Every number and {@code by}: weights of norms that count from 1, which GGUF's do not. */
  static HeapWeight shifted(Weight w, float by) {
    Tensor t = Tensor.of(w.shape(), w.toTensor().toArray());
    for (int i = 0; i < t.size(); i++) t.data()[i] += by;
    return HeapWeight.of(t);
  }

  /** Source of each row by query, key, value, head in rows by head, query, key, value. */
  private static int[] byKind(int heads, int headDim) {
    int[] from = new int[3 * heads * headDim];
    for (int r = 0; r < from.length; r++) {
      int kind = r / (heads * headDim);
      int head = r / headDim % heads;
      from[r] = (head * 3 + kind) * headDim + r % headDim;
    }
    return from;
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
    if (lora.dora())
      throw new IllegalArgumentException(
          "gguf: the adapter is DoRA, for which llama.cpp has no words; plug it in and convert the model");
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
