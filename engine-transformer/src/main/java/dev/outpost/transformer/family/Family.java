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
public sealed interface Family permits Gpt2, Llama {
  /** The {@code model_type} this family answers to. */
  String modelType();

  /**
   * The choices a {@code config.json} describes; refuses what the engine would compute differently.
   */
  Spec read(JsonObject config) throws FormatException;

  /** A {@code config.json} for these choices, readable by {@link #read} and by the reference. */
  JsonObject write(Spec spec, int endOfText);

  /** File names of the parameters. */
  NameTable names();

  /** All families. */
  static List<Family> all() {
    return List.of(new Gpt2(), new Llama());
  }

  /** The family a {@code config.json} names. */
  static Family of(JsonObject config) throws FormatException {
    String type = config.string("model_type");
    for (Family f : all()) if (f.modelType().equals(type)) return f;
    throw config.wrong(
        "model_type",
        "is \""
            + type
            + "\", which is not supported; supported: "
            + all().stream().map(Family::modelType).toList());
  }
}
