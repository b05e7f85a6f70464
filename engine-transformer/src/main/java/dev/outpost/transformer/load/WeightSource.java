package dev.outpost.transformer.load;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.transformer.module.Parameter;

/** Where a model's parameters come from, by our names: a checkpoint, or fresh random numbers. */
@FunctionalInterface
public interface WeightSource {
  /**
   * The parameter called {@code name}; its shape must be {@code shape}. Fails with the file, the
   * name and both shapes.
   */
  Parameter get(String name, Shape shape) throws FormatException;
}
