package dev.outpost.transformer.family;

import java.util.Map;
import java.util.Optional;

/** What well-known families that are not supported would need. */
final class Relatives {
  private static final String EXPERTS = "it chooses among expert feed-forward parts for each token";
  private static final String PARALLEL = "its attention and feed-forward part read the same norm";

  private static final Map<String, String> DIFFERENCES =
      Map.ofEntries(
          Map.entry("gpt_neo", "its attention alternates with a local kind and has no scale"),
          Map.entry("gpt_neox", PARALLEL),
          Map.entry("gptj", PARALLEL + " and it turns neighbouring numbers"),
          Map.entry("codegen", PARALLEL + " and it turns neighbouring numbers"),
          Map.entry("gpt_bigcode", "all its queries share one key-value head in GPT-2's layout"),
          Map.entry("falcon", PARALLEL),
          Map.entry("mpt", "its norms have gains but no shifts"),
          Map.entry("phi", PARALLEL + " and it turns part of each head"),
          Map.entry("stablelm", "it turns part of each head between LayerNorms"),
          Map.entry("starcoder2", "it turns heads between LayerNorms, without a gate"),
          Map.entry("olmo", "its norms have no weights"),
          Map.entry("olmo2", "it norms all queries and keys at once, and only behind each half"),
          Map.entry("cohere", PARALLEL + " and its logits are scaled"),
          Map.entry("cohere2", PARALLEL + " and its logits are scaled"),
          Map.entry("granite", "it scales embeddings, residuals, scores and logits"),
          Map.entry("glm", "it turns neighbouring numbers of part of each head"),
          Map.entry("mixtral", EXPERTS),
          Map.entry("qwen2_moe", EXPERTS),
          Map.entry("qwen3_moe", EXPERTS),
          Map.entry("phimoe", EXPERTS),
          Map.entry("olmoe", EXPERTS),
          Map.entry("gpt_oss", EXPERTS + ", and its heads have sinks"),
          Map.entry("deepseek_v2", EXPERTS + ", and its keys and values are compressed"),
          Map.entry("deepseek_v3", EXPERTS + ", and its keys and values are compressed"),
          Map.entry(
              "gemma3", "it also reads images; its text model alone has model_type gemma3_text"),
          Map.entry("gemma3n_text", "its embeddings and widths differ from layer to layer"),
          Map.entry("llama4_text", EXPERTS + ", and it attends in chunks"),
          Map.entry("mllama", "it also reads images, through cross-attention"),
          Map.entry("qwen2_vl", "it also reads images; its positions have three axes"),
          Map.entry("ministral", "its layers alternate; Mistral's own have model_type mistral"),
          Map.entry("qwen", "Qwen 1 has its own file layout; Qwen 1.5 and later are qwen2"),
          Map.entry("t5", "it has an encoder, a decoder and relative position biases"),
          Map.entry("bart", "it has an encoder and a decoder"),
          Map.entry("mamba", "it is no transformer"),
          Map.entry("rwkv", "it is no transformer"));

  private Relatives() {}

  /** What keeps a model type from being supported, where that is known. */
  static Optional<String> difference(String modelType) {
    return Optional.ofNullable(DIFFERENCES.get(modelType));
  }
}
