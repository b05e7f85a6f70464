package dev.outpost.transformer.family;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.load.NameTable;
import java.util.List;

/**
 * What a model family adds to the one block: how its {@code config.json} reads, and what its files
 * call the parameters. No arithmetic.
 */
public sealed interface Family
    permits Bert,
        Bloom,
        Clip,
        ClipVision,
        Eva,
        Gemma,
        Gemma2,
        Gemma3Text,
        Gpt2,
        Llama,
        Mistral,
        Opt,
        Phi3,
        Qwen2,
        Qwen3,
        Roberta,
        SmolLm3,
        Vit {
  /** What a family's models are for. */
  enum Kind {
    /** Continues text. */
    DECODER,
    /** Reads text both ways. */
    ENCODER,
    /** Reads images. */
    VISION
  }

  /** What describes a model in timm's and OpenCLIP's format, instead of a model type. */
  List<String> TIMM = List.of("architecture", "pretrained_cfg", "model_cfg");

  /** The {@code model_type} this family answers to. */
  String modelType();

  /** What its models are for. */
  default Kind kind() {
    return Kind.DECODER;
  }

  /**
   * The choices a {@code config.json} describes; refuses what the engine would compute differently.
   */
  Spec read(JsonObject config) throws FormatException;

  /** A {@code config.json} for these choices, readable by {@link #read} and by the reference. */
  JsonObject write(Spec spec, int endOfText);

  /** File names of the parameters. */
  NameTable names();

  /** The same where the head decides which name is whose. */
  default NameTable names(Spec spec) {
    return names();
  }

  /** The {@code config.json} of what is read of a checkpoint: its own unless that is a part. */
  default JsonObject kept(JsonObject config) throws FormatException {
    return config;
  }

  /** All families. */
  static List<Family> all() {
    return List.of(
        new Gpt2(),
        new Opt(),
        new Bloom(),
        new Llama(),
        new Mistral(),
        new Qwen2(),
        new Qwen3(),
        new SmolLm3(),
        new Gemma(),
        new Gemma2(),
        new Gemma3Text(),
        new Phi3(),
        new Bert(),
        new Roberta(),
        new Vit(),
        new ClipVision(),
        new Clip(),
        new Eva());
  }

  /** The family a {@code config.json} names. */
  static Family of(JsonObject config) throws FormatException {
    if (!config.has("model_type") && Eva.describes(config)) return new Eva();
    if (!config.has("model_type") && TIMM.stream().anyMatch(config::has))
      throw config.wrong(
          "model_type",
          "is missing, and "
              + TIMM.stream().filter(config::has).findFirst().orElseThrow()
              + " is a field of timm's or OpenCLIP's format, of which only architecture "
              + Eva.architectures()
              + " is read. EVA-02 turns queries and keys by rows and columns of patches and norms"
              + " within the feed-forward part, which is not supported; of plain ViT and CLIP there"
              + " are folders with model_type "
              + all().stream()
                  .filter(f -> f.kind() == Kind.VISION && !(f instanceof Eva))
                  .map(Family::modelType)
                  .toList());
    String type = config.string("model_type");
    for (Family f : all()) if (f.modelType().equals(type)) return f;
    throw config.wrong(
        "model_type",
        "is \""
            + type
            + "\", which is not supported"
            + Relatives.difference(type).map(d -> ": " + d).orElse("")
            + "; supported: "
            + all().stream().map(Family::modelType).toList());
  }
}
