package dev.outpost.transformer.module;

/**
 * What to put in place of a model's parts: how freezing, PEFT and plug-in change a model without
 * the model knowing of them.
 */
public interface Rewriter {
  /** Replaces one parameter. */
  default Parameter parameter(String path, Parameter parameter) {
    return parameter;
  }

  /** Replaces one projection, after its parameters were rewritten. */
  default Projection projection(String path, Projection projection) {
    return projection;
  }
}
