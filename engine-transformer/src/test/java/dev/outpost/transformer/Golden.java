package dev.outpost.transformer;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsFile;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A tiny model as Transformers saved it, and what PyTorch computes with it in f64. Written by
 * {@code golden/make_goldens.py}.
 *
 * @param folder a Hugging Face model folder
 * @param record sizes, tokens and losses
 * @param tensors {@code logits}, and {@code grad/…} under the file's parameter names
 */
public record Golden(String name, Path folder, JsonObject record, Map<String, Tensor> tensors) {
  /**
   * GPT-2: tied head in f32; bf16 in four shards; untied head, exact GELU, own inner width in f16.
   * Llama: grouped heads and tied head in f32; untied head, own head size, biases in bf16. Other
   * families: what they do differently, as {@code make_goldens.py} says beside each.
   */
  public static final List<String> NAMES =
      List.of(
          "tied-f32",
          "sharded-bf16",
          "untied-erf-f16",
          "llama-grouped-f32",
          "llama-untied-bf16",
          "llama-scaled-f16",
          "opt-before-f32",
          "opt-after-bf16",
          "bloom-f32",
          "mistral-window-f32",
          "qwen2-window-bf16",
          "qwen3-f32",
          "smollm3-f16",
          "gemma-bf16",
          "gemma2-f32",
          "gemma3-f16",
          "phi3-window-f32",
          "llama-dynamic-f32",
          "phi3-longrope-f32");

  /** Unpacks a golden below {@code temporary}, since a model must lie in a real folder. */
  public static Golden unpack(String name, Path temporary) throws IOException {
    Path folder = Files.createDirectories(temporary.resolve(name));
    copy(name, "golden.json", folder);
    JsonObject record = JsonObject.read(folder.resolve("golden.json"));
    for (String file : record.strings("files")) copy(name, file, folder);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    try (SafetensorsFile f = SafetensorsFile.open(folder.resolve("golden.safetensors"))) {
      for (String tensor : f.names()) tensors.put(tensor, f.weight(tensor).toTensor());
    }
    return new Golden(name, folder, record, tensors);
  }

  private static void copy(String name, String file, Path to) throws IOException {
    try (InputStream in = resource(name + "/" + file)) {
      Files.write(to.resolve(file), in.readAllBytes());
    }
  }

  /** A file beside the goldens. */
  public static InputStream resource(String file) throws IOException {
    InputStream in = Golden.class.getResourceAsStream("golden/" + file);
    if (in == null) throw new FileNotFoundException("golden/" + file);
    return in;
  }

  /** A field that lists integers. */
  public int[] ints(String field) throws FormatException {
    return Stream.of(record.string(field).split(" ")).mapToInt(Integer::parseInt).toArray();
  }

  /** A field that lists numbers. */
  public static double[] numbers(JsonObject o, String field) throws FormatException {
    return Stream.of(o.string(field).split(" ")).mapToDouble(Double::parseDouble).toArray();
  }

  /** A number. */
  public double number(String field) throws FormatException {
    return record.number(field, Double.NaN);
  }

  /** Tokens per block. */
  public int block() throws FormatException {
    return record.integer("block", 2, 1000);
  }

  /**
   * How far from f64 a sound f32 computation of {@code what} may be: eight times PyTorch's own
   * distance, since sums in another order round otherwise, and never below a few roundings.
   */
  public double bound(String what) throws FormatException {
    double torch = record.object("torch_f32").number(what, Double.NaN);
    return Math.max(8 * torch, 16 * Math.ulp(1f) / 2);
  }

  /** The largest number in any gradient. */
  public double largestGradient() {
    return tensors.entrySet().stream()
        .filter(e -> e.getKey().startsWith("grad/"))
        .mapToDouble(e -> largest(e.getValue()))
        .max()
        .orElseThrow();
  }

  /**
   * Largest difference of a gradient relative to its largest value; or to that of all gradients
   * where its own is zero but for rounding, as that of a key's bias is.
   */
  public double farGradient(Tensor got, Tensor want) {
    double all = largestGradient();
    double own = largest(want);
    return far(got, want) * (own > 1e-9 * all ? 1 : own / all);
  }

  private static double largest(Tensor t) {
    return IntStream.range(0, t.size()).mapToDouble(i -> Math.abs(t.get(i))).max().orElse(0);
  }

  /** Largest difference relative to the largest value. */
  public static double far(Tensor got, Tensor want) {
    if (got.size() != want.size())
      throw new IllegalArgumentException(got.shape() + " against " + want.shape());
    DoubleStream differences =
        IntStream.range(0, want.size())
            .mapToDouble(i -> Math.abs((double) got.get(i) - want.get(i)));
    double largest = largest(want);
    // A NaN anywhere must not vanish in max.
    return differences.reduce(0, (a, b) -> b > a || Double.isNaN(b) ? b : a) / largest;
  }

  @Override
  public String toString() {
    return name;
  }
}
