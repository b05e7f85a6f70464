package dev.outpost.transformer.load;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Projection;

/** Where a model's parameters come from, by our names: a checkpoint, or fresh random numbers. */
@FunctionalInterface
public interface WeightSource {
  /**
   * The parameter called {@code name}; its shape must be {@code shape}. Fails with the file, the
   * name and both shapes.
   */
  Parameter get(String name, Shape shape) throws FormatException;

  /**
   * The projection called {@code path} of a block: dense, unless the source holds it otherwise.
   *
   * @param bias whether it has one
   */
  default Projection projection(String path, int in, int out, boolean bias, Linear.Layout layout)
      throws FormatException {
    Shape shape =
        switch (layout) {
          case IN_OUT -> Shape.of(in, out);
          case OUT_IN -> Shape.of(out, in);
        };
    return new Dense(
        get(path + ".weight", shape), bias ? get(path + ".bias", Shape.of(out)) : null, layout);
  }
}
