package dev.outpost.autograd;

import dev.outpost.tensor.Tensor;

/** Where a {@link Backward} puts gradients during one walk. */
public interface Grads {
  /**
   * The gradient of an input, and whether something is already in it. Each {@code Backward} that
   * receives a slot must fill it.
   */
  Slot of(Var input);

  /**
   * Adds a tensor of the input's size by handing it over: where nothing was there before it becomes
   * the gradient without a copy. It is either the {@code dy} this {@code Backward} received or on
   * loan from the tape's workspace; the caller neither reads nor releases it afterwards.
   */
  void give(Var input, Tensor gradient);

  /** The weights' gradients of this walk, for a {@code Backward} that walks a tape of its own. */
  Gradients ofWeights();

  /**
   * @param tensor of the input's shape; contents undefined unless {@code accumulate}
   * @param accumulate true: add to what is there; false: overwrite
   */
  record Slot(Tensor tensor, boolean accumulate) {
    /** Factor on what is there: 1 to add, 0 to overwrite. */
    public float beta() {
      return accumulate ? 1 : 0;
    }
  }
}
