package dev.outpost.autograd.optim;

import dev.outpost.tensor.weight.HeapWeight;
import java.util.List;

/**
 * Trainable weights that are treated alike.
 *
 * @param weights each once, under the name its state is saved by
 * @param weightDecay 0 for the groups that usually are exempt: biases and norm gains
 */
public record ParameterGroup(List<Named> weights, float weightDecay) {
  public ParameterGroup {
    weights = List.copyOf(weights);
    if (!(weightDecay >= 0))
      throw new IllegalArgumentException(
          "parameter group: weight decay must be at least 0, got " + weightDecay);
  }

  /** A weight and its name in the model. */
  public record Named(String name, HeapWeight weight) {}
}
