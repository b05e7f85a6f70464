package dev.outpost.autograd.optim;

import dev.outpost.autograd.Gradients;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AdamWStep;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;
import java.util.Map;

/**
 * Adam with decoupled weight decay (Loshchilov &amp; Hutter 2019), as PyTorch computes it: {@code m
 * = β₁m + (1−β₁)g, v = β₂v + (1−β₂)g², p −= lr·decay·p, p −= lr·m̂/(√v̂ + eps)} with bias-corrected
 * m̂, v̂. Each weight counts its own steps. Two tensors per weight that has had a gradient, {@code
 * exp_avg} and {@code exp_avg_sq}.
 */
public final class AdamW implements Optimizer {
  /**
   * The settings besides learning rate and decay.
   *
   * @param beta1 memory of the first moment, in [0, 1)
   * @param beta2 memory of the second moment, in [0, 1)
   * @param eps added to the root, positive
   */
  public record Betas(float beta1, float beta2, float eps) {
    /** 0.9, 0.999, 1e-8. */
    public static final Betas USUAL = new Betas(0.9f, 0.999f, 1e-8f);

    public Betas {
      if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1 && eps > 0))
        throw new IllegalArgumentException(
            "adamW: betas must be in [0, 1) and eps positive, got "
                + beta1
                + ", "
                + beta2
                + ", "
                + eps);
    }
  }

  private final Kernels kernels;
  private final Betas betas;
  private final Slots slots;

  private AdamW(Kernels kernels, Betas betas, Slots slots) {
    this.kernels = kernels;
    this.betas = betas;
    this.slots = slots;
  }

  /** With the usual betas. */
  public static AdamW of(Kernels kernels, List<ParameterGroup> groups) {
    return of(kernels, groups, Betas.USUAL);
  }

  /**
   * With these betas.
   *
   * @throws IllegalArgumentException when a name or a weight occurs twice
   */
  public static AdamW of(Kernels kernels, List<ParameterGroup> groups, Betas betas) {
    return new AdamW(
        kernels, betas, new Slots("adamW", kernels.memory(), groups, "exp_avg", "exp_avg_sq"));
  }

  @Override
  public void step(Gradients gradients, float learningRate, float gradScale) {
    slots.steps++;
    for (Slots.Slot s : slots.all()) {
      Tensor g = gradients.get(s.weight);
      if (g == null) continue;
      Tensor[] moments = slots.memory(s);
      AdamWStep step =
          new AdamWStep(
              learningRate,
              betas.beta1,
              betas.beta2,
              betas.eps,
              s.weightDecay,
              ++s.step,
              gradScale);
      kernels.adamW(s.weight.tensor(), g, moments[0], moments[1], step);
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
