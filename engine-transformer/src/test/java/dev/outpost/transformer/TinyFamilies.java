package dev.outpost.transformer;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.load.ModelFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Goldens as GGUF can hold them: where llama.cpp computes one thing only, that is set here. */
public final class TinyFamilies {
  private static final Map<String, Object> PLAIN =
      Map.of("rope_type", "default", "rope_theta", 1000.0);

  /** Golden → what its {@code config.json} says otherwise. */
  private static final Map<String, Map<String, Object>> CHANGES =
      Map.of(
          "mistral-window-f32", Map.of("sliding_window", 0),
          "qwen2-window-bf16",
              Map.of("use_sliding_window", false, "layer_types", 0, "rope_parameters", PLAIN),
          "gemma2-f32", Map.of("query_pre_attn_scalar", 8),
          "gemma3-f16", Map.of("query_pre_attn_scalar", 8));

  /** Goldens that can be written as GGUF. */
  public static final List<String> NAMES =
      List.of(
          "tied-f32",
          "sharded-bf16",
          "llama-grouped-f32",
          "mistral-window-f32",
          "qwen2-window-bf16",
          "qwen3-f32",
          "gemma-bf16",
          "gemma2-f32",
          "gemma3-f16",
          "phi3-window-f32",
          "bloom-f32");

  private TinyFamilies() {}

  /** Unpacks a golden below {@code temporary}, changed. */
  public static ModelFolder open(String name, Path temporary) throws IOException {
    Path folder = Golden.unpack(name, temporary).folder();
    JsonObject config = JsonObject.read(folder.resolve("config.json"));
    CHANGES
        .getOrDefault(name, Map.of())
        .forEach((field, v) -> config.put(field, v.equals(0) ? null : v));
    config.write(folder.resolve("config.json"));
    return ModelFolder.open(folder);
  }
}
