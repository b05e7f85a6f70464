package dev.outpost.tensor.weight;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.MatView;

/**
 * A model parameter's numbers: frozen in a mapped file, or on the heap where training may change
 * them.
 */
public sealed interface Weight permits HeapWeight, MappedWeight {
  /** Extents as stored. */
  Shape shape();

  /** How the numbers are stored. */
  DType dtype();

  /** The weight as a matrix of {@code shape().rows() × shape().cols()}, read in place. */
  MatView view();

  /** An f32 heap copy; for {@link HeapWeight} also a copy. */
  Tensor toTensor();
}
