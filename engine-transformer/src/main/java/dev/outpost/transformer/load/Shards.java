package dev.outpost.transformer.load;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.weight.Weight;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model's tensors in one safetensors file or several with an index, named as Transformers names
 * them.
 */
final class Shards {
  private static final String ONE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  /** The reference refuses a file whose metadata does not name the framework's format. */
  private static final Map<String, String> METADATA = Map.of("format", "pt");

  private Shards() {}

  /** Replaces a model's files; what an older one of the other kind left goes. */
  static void write(Path folder, Map<String, Weight> tensors, @Nullable DType dtype, long most)
      throws IOException {
    List<Map<String, Weight>> shards = new ArrayList<>(List.of(new LinkedHashMap<>()));
    long total = 0;
    long here = 0;
    for (Map.Entry<String, Weight> e : tensors.entrySet()) {
      long bytes = bytes(e.getValue(), dtype);
      if (here > 0 && bytes > most - here) {
        shards.add(new LinkedHashMap<>());
        here = 0;
      }
      shards.getLast().put(e.getKey(), e.getValue());
      here += bytes;
      total += bytes;
    }
    if (shards.size() == 1) {
      SafetensorsWriter.write(folder.resolve(ONE), tensors, dtype, METADATA);
      Files.deleteIfExists(folder.resolve(INDEX));
      return;
    }
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < shards.size(); i++) {
      String name =
          String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", i + 1, shards.size());
      SafetensorsWriter.write(folder.resolve(name), shards.get(i), dtype, METADATA);
      shards.get(i).keySet().forEach(tensor -> map.put(tensor, name));
    }
    JsonObject.create()
        .put("metadata", Map.of("total_size", total))
        .put("weight_map", map)
        .write(folder.resolve(INDEX));
    Files.deleteIfExists(folder.resolve(ONE));
  }

  /** As the writer stores it: GGUF's block types become F32. */
  private static long bytes(Weight w, @Nullable DType dtype) {
    DType stored = dtype != null ? dtype : w.dtype().isBlocked() ? DType.F32 : w.dtype();
    return stored.byteSize(w.shape().size());
  }
}
