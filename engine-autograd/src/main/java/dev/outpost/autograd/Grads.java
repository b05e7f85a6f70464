package dev.outpost.autograd;

import dev.outpost.tensor.Tensor;

/** Where a {@link Backward} puts gradients during one walk. */
public interface Grads {
  /** The gradient of an input, and whether something is already in it. Each {@code Backward} that receives a slot must fill it. */
  Slot of(Var input);

  /**
   * @param tensor of the input's shape; contents undefined unless {@code accumulate}
   * @param accumulate true: add to what is there; false: overwrite
   */
  record Slot(Tensor tensor, boolean accumulate) {}
}
