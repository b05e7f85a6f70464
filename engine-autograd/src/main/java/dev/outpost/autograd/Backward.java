package dev.outpost.autograd;

import dev.outpost.tensor.Tensor;

/**
 * What one recorded operation does on the way back: reads the gradient of its output and adds to
 * the gradients of its inputs. An implementation is a record whose components are exactly what it
 * saved. It asks {@link Grads#of} only for inputs with {@link Var#needsGrad()}.
 */
@FunctionalInterface
public interface Backward {
  /** Adds this operation's share to each input's gradient. */
  void backward(Tensor dy, Grads grads);
}
