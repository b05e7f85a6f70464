package dev.outpost.transformer.peft;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Dropout;
import dev.outpost.autograd.op.Linear;
import dev.outpost.autograd.op.Scale;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.LowRank;
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
    implements Attached {
  /** Attaches a fresh update to {@code base}; {@code path} names its random stream. */
  public static Lora on(Projection base, LoraConfig config, String path, long seed) {
    return new Lora(
        base,
        Attached.trainable(Attached.uniform(config.rank(), base.in(), "lora." + path, seed)),
        Attached.trainable(Tensor.zeros(base.out(), config.rank())),
        config.scale(),
        config.dropout());
  }

  @Override
  public String title() {
    return "LoRA";
  }

  @Override
  public Var apply(Pass pass, String name, Var x) {
    return Add.add(pass.tape(), base.apply(pass, name, x), update(pass, name, x));
  }

  /** {@code scale·(dropout(x)·Aᵀ)·Bᵀ}. */
  Var update(Pass pass, String name, Var x) {
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
    return Linear.linear(
        pass.tape(),
        pass.path() + "." + name + ".lora_b",
        Scale.scale(pass.tape(), low, scale),
        pass.of(b),
        null,
        Linear.Layout.OUT_IN);
  }

  /**
   * The dense projection with the update added in: the same function without its cost. A low-rank
   * base is multiplied out; with the update it is of a higher rank anyway.
   */
  @Override
  public Dense merge(Kernels k) {
    Dense d = Attached.dense("lora", base instanceof LowRank low ? low.dense(k) : base);
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
  public void visit(String path, ParameterVisitor visitor) {
    base.visit(path, visitor);
    visitor.visit(path + ".lora_a.weight", a);
    visitor.visit(path + ".lora_b.weight", b);
  }

  @Override
  public Projection rewrite(String path, Rewriter r) {
    return r.projection(path, inside(path, r));
  }

  /** This with its parts rewritten. */
  Lora inside(String path, Rewriter r) {
    return new Lora(
        base.rewrite(path, Attached.parametersOnly(r)),
        r.parameter(path + ".lora_a.weight", a),
        r.parameter(path + ".lora_b.weight", b),
        scale,
        dropout);
  }
}
