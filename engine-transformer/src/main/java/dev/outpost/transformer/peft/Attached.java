package dev.outpost.transformer.peft;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;

/** A projection with something learnt on it. */
sealed interface Attached extends Projection permits Lora, Dora, Ia3, Bottleneck {
  /** The projection as it was. */
  Projection base();

  /** What it is, for people. */
  String title();

  /** The same function as a plain projection, or this where no projection computes it. */
  Projection merge(Kernels k);

  @Override
  default int in() {
    return base().in();
  }

  @Override
  default int out() {
    return base().out();
  }

  /** The plain projection beneath, whose weight a merge changes. */
  static Dense dense(String method, Projection base) {
    if (base instanceof Dense d) return d;
    throw new IllegalStateException(
        method
            + ": can only be merged into a dense projection, got "
            + base.getClass().getSimpleName());
  }

  /**
   * What a wrapper hands down to its base: the wrapper itself is offered to the rewriter, its base
   * is not, so that attaching twice is one attachment on top of another.
   */
  static Rewriter parametersOnly(Rewriter r) {
    return new Rewriter() {
      @Override
      public Parameter parameter(String path, Parameter p) {
        return r.parameter(path, p);
      }
    };
  }

  /** Numbers that training may change. */
  static Parameter trainable(Tensor values) {
    return Parameter.trainable(HeapWeight.of(values));
  }

  /**
   * Uniform in ±1/√in, the reference's kaiming-uniform with a = √5; {@code path} names its stream.
   */
  static Tensor uniform(int out, int in, String path, long seed) {
    Tensor a = Tensor.zeros(out, in);
    RandomStream stream = RandomStream.of(seed, path);
    float bound = (float) (1 / Math.sqrt(in));
    for (int i = 0; i < a.size(); i++) a.data()[i] = (2 * stream.nextFloat() - 1) * bound;
    return a;
  }

  /** Normal numbers of this spread. */
  static Tensor normal(float spread, String path, long seed, int... dims) {
    Tensor t = Tensor.zeros(dims);
    RandomStream stream = RandomStream.of(seed, path);
    for (int i = 0; i < t.size(); i++) t.data()[i] = spread * (float) stream.nextGaussian();
    return t;
  }
}
