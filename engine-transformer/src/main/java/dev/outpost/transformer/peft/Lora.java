package dev.outpost.transformer.peft;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Dropout;
import dev.outpost.autograd.op.Linear;
import dev.outpost.autograd.op.Scale;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;

/**
 * A low-rank update beside a frozen projection (Hu et al. 2021, eq. 3): {@code y = base(x) +
 * (alpha/r)·(dropout(x)·Aᵀ)·Bᵀ}.
 *
 * @param base the projection as it was
 * @param a [r, in], starts uniform in ±1/√in (the reference's kaiming-uniform with a = √5)
 * @param b [out, r], starts 0, so that attaching changes nothing
 * @param scale alpha / r
 * @param dropout probability, in training only
 */
public record Lora(Projection base, Parameter a, Parameter b, float scale, float dropout)
    implements Projection {
  /** Attaches a fresh update to {@code base}; {@code path} names its random stream. */
  public static Lora on(Projection base, LoraConfig config, String path, long seed) {
    Tensor a = Tensor.zeros(config.rank(), base.in());
    RandomStream stream = RandomStream.of(seed, "lora." + path);
    float bound = (float) (1 / Math.sqrt(base.in()));
    for (int i = 0; i < a.size(); i++) a.data()[i] = (2 * stream.nextFloat() - 1) * bound;
    Tensor b = Tensor.zeros(base.out(), config.rank());
    return new Lora(
        base,
        Parameter.trainable(HeapWeight.of(a)),
        Parameter.trainable(HeapWeight.of(b)),
        config.scale(),
        config.dropout());
  }

  @Override
  public Var apply(Pass pass, String name, Var x) {
    Var y = base.apply(pass, name, x);
    float p = pass.dropoutKey() == 0 ? 0 : dropout;
    Var in = Dropout.dropout(pass.tape(), x, p, p == 0 ? 0 : pass.dropoutKey(name));
    Var low =
        Linear.linear(
            pass.tape(),
            pass.path() + "." + name + ".lora_a",
            in,
            pass.of(a),
            null,
            Linear.Layout.OUT_IN);
    Var high =
        Linear.linear(
            pass.tape(),
            pass.path() + "." + name + ".lora_b",
            Scale.scale(pass.tape(), low, scale),
            pass.of(b),
            null,
            Linear.Layout.OUT_IN);
    return Add.add(pass.tape(), y, high);
  }

  /** The dense projection with the update added in: the same function without its cost. */
  public Projection merge(Kernels k) {
    if (!(base instanceof Dense d))
      throw new IllegalStateException(
          "lora: can only be merged into a dense projection, got "
              + base.getClass().getSimpleName());
    Tensor w = d.weight().weight().toTensor();
    Tensor scaled = b.weight().toTensor();
    k.axpby(0, Tensor.zeros(scaled.shape()), scale, scaled);
    MatView update = MatView.of(scaled);
    MatView down = a.weight().view();
    switch (d.layout()) {
      case OUT_IN -> k.gemm(update, down, MatView.of(w), true);
      case IN_OUT -> k.gemm(down.t(), update.t(), MatView.of(w), true);
    }
    return new Dense(Parameter.frozen(HeapWeight.of(w)), d.bias(), d.layout());
  }

  @Override
  public int in() {
    return base.in();
  }

  @Override
  public int out() {
    return base.out();
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    base.visit(path, visitor);
    visitor.visit(path + ".lora_a.weight", a);
    visitor.visit(path + ".lora_b.weight", b);
  }

  /**
   * Rewrites what is inside; the wrapper itself is offered to the rewriter, its base is not, so
   * that attaching twice is one attachment on top of another.
   */
  @Override
  public Projection rewrite(String path, Rewriter r) {
    Projection inner = base.rewrite(path, parametersOnly(r));
    return r.projection(
        path,
        new Lora(
            inner,
            r.parameter(path + ".lora_a.weight", a),
            r.parameter(path + ".lora_b.weight", b),
            scale,
            dropout));
  }

  private static Rewriter parametersOnly(Rewriter r) {
    return new Rewriter() {
      @Override
      public Parameter parameter(String path, Parameter p) {
        return r.parameter(path, p);
      }
    };
  }
}
