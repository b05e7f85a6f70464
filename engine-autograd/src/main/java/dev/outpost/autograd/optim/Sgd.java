package dev.outpost.autograd.optim;

import dev.outpost.autograd.Gradients;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;
import java.util.Map;

/**
 * Stochastic gradient descent as PyTorch computes it: {@code g' = g + decay·p, b = μ·b + g', p −=
 * lr·b}; Nesterov's form steps by {@code g' + μ·b}. With momentum, one tensor per weight that has
 * had a gradient, {@code momentum_buffer}.
 */
public final class Sgd implements Optimizer {
  private final Kernels kernels;
  private final float momentum;
  private final boolean nesterov;
  private final Slots slots;

  private Sgd(Kernels kernels, float momentum, boolean nesterov, Slots slots) {
    this.kernels = kernels;
    this.momentum = momentum;
    this.nesterov = nesterov;
    this.slots = slots;
  }

  /** Without momentum. */
  public static Sgd of(Kernels kernels, List<ParameterGroup> groups) {
    return of(kernels, groups, 0, false);
  }

  /**
   * With momentum μ in [0, 1); 0 for none.
   *
   * @throws IllegalArgumentException for a momentum out of range, Nesterov without momentum, or a
   *     name or weight that occurs twice
   */
  public static Sgd of(
      Kernels kernels, List<ParameterGroup> groups, float momentum, boolean nesterov) {
    if (!(momentum >= 0 && momentum < 1))
      throw new IllegalArgumentException("sgd: momentum must be in [0, 1), got " + momentum);
    if (nesterov && momentum == 0)
      throw new IllegalArgumentException("sgd: Nesterov's form needs a momentum above 0");
    String[] kinds = momentum == 0 ? new String[0] : new String[] {"momentum_buffer"};
    return new Sgd(kernels, momentum, nesterov, new Slots("sgd", kernels.memory(), groups, kinds));
  }

  @Override
  public void step(Gradients gradients, float learningRate, float gradScale) {
    slots.steps++;
    for (Slots.Slot s : slots.all()) {
      Tensor g = gradients.get(s.weight);
      if (g == null) continue;
      s.step++;
      Tensor p = s.weight.tensor();
      Tensor[] memory = slots.memory(s);
      if (memory.length > 0) {
        Tensor b = memory[0];
        kernels.axpby(gradScale, g, momentum, b);
        if (s.weightDecay != 0) kernels.axpby(s.weightDecay, p, 1, b);
      }
      if (memory.length == 0 || nesterov)
        kernels.axpby(-learningRate * gradScale, g, 1 - learningRate * s.weightDecay, p);
      if (memory.length > 0)
        kernels.axpby(nesterov ? -learningRate * momentum : -learningRate, memory[0], 1, p);
    }
  }

  @Override
  public int steps() {
    return slots.steps;
  }

  @Override
  public Map<String, Tensor> state() {
    return slots.state();
  }

  @Override
  public void restore(Map<String, Tensor> state) {
    slots.restore(state);
  }
}
