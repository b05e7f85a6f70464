package dev.outpost.transformer.train;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.optim.ClipNorm;
import dev.outpost.autograd.optim.ParameterGroup;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.privacy.DpSgd;
import dev.outpost.transformer.privacy.Secret;
import java.util.List;
import java.util.Map;

/**
 * The gradient of one step of {@link DpSgd}: the sum of clipped gradients of single examples, with
 * noise. Twice the gradients' memory: one example's and the sum.
 */
final class PrivateGradient {
  private final DpSgd dp;
  private final Map<String, HeapWeight> parameters;
  private final Kernels kernels;
  private final ClipNorm clip;
  private final Gradients sum;
  private double norms;
  private int examples;

  PrivateGradient(DpSgd dp, Map<String, HeapWeight> parameters, Kernels kernels) {
    this.dp = dp;
    this.parameters = parameters;
    this.kernels = kernels;
    this.clip = ClipNorm.to(dp.clip());
    this.sum = Gradients.in(kernels.memory().workspace());
  }

  void begin() {
    sum.clear();
    // Every parameter gets noise, reached by a gradient or not: an empty lot must look like others.
    parameters.values().forEach(w -> sum.zeros(kernels, w));
    norms = 0;
    examples = 0;
  }

  /** Adds what one example says, at most C long. */
  void add(Gradients example, List<ParameterGroup> groups) {
    ClipNorm.Result clipped = clip.measure(kernels, example, groups, 1);
    norms += clipped.norm();
    examples++;
    for (HeapWeight w : parameters.values()) {
      Tensor g = example.get(w);
      Tensor to = sum.get(w);
      if (g != null && to != null) kernels.axpby(clipped.gradScale(), g, 1, to);
    }
  }

  /** The noisy sum of this step. Noise depends on secret, step and parameter alone. */
  Gradients finish(int step) {
    parameters.forEach((name, w) -> {
      Tensor t = sum.get(w);
      if (t == null) throw new IllegalStateException("no step has begun");
      Secret.Stream noise = dp.secret().stream("noise/" + step + "/" + name);
      kernels.memory().fetch(t);
      noise.addGaussians(dp.noise() * dp.clip(), t.data(), t.offset(), t.size());
      kernels.memory().store(t);
    });
    return sum;
  }

  /** Mean length of the lot's gradients before clipping; 0 of an empty lot. */
  double meanNorm() {
    return examples == 0 ? 0 : norms / examples;
  }
}
