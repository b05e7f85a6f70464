package dev.outpost.transformer.module;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;

/**
 * A model's numbers and whether training may change them. A trainable parameter lives on the heap;
 * a frozen one may stay in its mapped file.
 *
 * @param weight the numbers
 * @param trainable whether gradients are wanted
 */
public record Parameter(Weight weight, boolean trainable) {
  public Parameter {
    if (trainable && !(weight instanceof HeapWeight))
      throw new IllegalArgumentException(
          "parameter: a trainable parameter must be a heap weight, got " + weight);
  }

  /** A parameter that is never changed. */
  public static Parameter frozen(Weight weight) {
    return new Parameter(weight, false);
  }

  /** A parameter that training changes in place. */
  public static Parameter trainable(HeapWeight weight) {
    return new Parameter(weight, true);
  }

  /** The same numbers, frozen. */
  public Parameter freeze() {
    return trainable ? new Parameter(weight, false) : this;
  }

  /** A private f32 copy of the numbers that training may change; the original stays as it is. */
  public Parameter trainableCopy() {
    return trainable(HeapWeight.of(weight.toTensor()));
  }

  /** Extents. */
  public Shape shape() {
    return weight.shape();
  }
}
