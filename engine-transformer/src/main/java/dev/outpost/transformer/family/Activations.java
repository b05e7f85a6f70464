package dev.outpost.transformer.family;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.UnaryMap;

/** What Transformers calls the activations. */
final class Activations {
  private Activations() {}

  /** The activation that a field names; {@code otherwise} when it is absent. */
  static UnaryMap read(JsonObject c, String field, String otherwise) throws FormatException {
    String name = c.optionalString(field).orElse(otherwise);
    return switch (name) {
      case "gelu_new", "gelu_pytorch_tanh" -> UnaryMap.GELU_TANH;
      case "gelu" -> UnaryMap.GELU_ERF;
      case "relu" -> UnaryMap.RELU;
      case "tanh" -> UnaryMap.TANH;
      case "silu", "swish" -> UnaryMap.SILU;
      case "quick_gelu" -> UnaryMap.QUICK_GELU;
      default ->
          throw c.wrong(
              field,
              "is \""
                  + name
                  + "\"; supported: gelu_new, gelu_pytorch_tanh, gelu, relu, tanh, silu, swish,"
                  + " quick_gelu");
    };
  }

  /** The name to write. */
  static String name(UnaryMap activation) {
    return switch (activation) {
      case GELU_TANH -> "gelu_new";
      case GELU_ERF -> "gelu";
      case RELU -> "relu";
      case TANH -> "tanh";
      case SILU -> "silu";
      case QUICK_GELU -> "quick_gelu";
    };
  }
}
