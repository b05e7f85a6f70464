package dev.outpost.transformer.peft;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Linear;
import dev.outpost.autograd.op.ScaleColumns;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import org.jspecify.annotations.Nullable;

/**
 * Factors on a projection (Liu et al. 2022, eq. 1): {@code y = l ⊙ base(x)}, or {@code base(l ⊙
 * x)}.
 *
 * @param base the projection as it was
 * @param factors l [out], or [in]; starts as 1, so that attaching changes nothing
 * @param ofInput whether x is scaled
 */
public record Ia3(Projection base, Parameter factors, boolean ofInput) implements Attached {
  /** Attaches factors of 1. */
  public static Ia3 on(Projection base, boolean ofInput) {
    Tensor ones = Tensor.zeros(ofInput ? base.in() : base.out());
    ones.fill(1);
    return new Ia3(base, Attached.trainable(ones), ofInput);
  }

  @Override
  public String title() {
    return "IA³";
  }

  @Override
  public Var apply(Pass pass, String name, Var x) {
    Var l = pass.of(factors);
    return ofInput
        ? base.apply(pass, name, ScaleColumns.scaleColumns(pass.tape(), x, l))
        : ScaleColumns.scaleColumns(pass.tape(), base.apply(pass, name, x), l);
  }

  @Override
  public Dense merge(Kernels k) {
    Dense d = Attached.dense("ia3", base);
    Tensor l = factors.weight().toTensor();
    Tensor w = d.weight().weight().toTensor();
    int cols = w.cols();
    boolean byRow = (d.layout() == Linear.Layout.OUT_IN) != ofInput;
    for (int i = 0; i < w.size(); i++)
      w.data()[w.offset() + i] *= l.get(byRow ? i / cols : i % cols);
    return new Dense(Parameter.frozen(HeapWeight.of(w)), bias(d, l), d.layout());
  }

  private @Nullable Parameter bias(Dense d, Tensor l) {
    if (d.bias() == null || ofInput) return d.bias();
    Tensor b = d.bias().weight().toTensor();
    for (int i = 0; i < b.size(); i++) b.data()[b.offset() + i] *= l.get(i);
    return Parameter.frozen(HeapWeight.of(b));
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    base.visit(path, visitor);
    visitor.visit(path + ".ia3.weight", factors);
  }

  @Override
  public Projection rewrite(String path, Rewriter r) {
    return r.projection(
        path,
        new Ia3(
            base.rewrite(path, Attached.parametersOnly(r)),
            r.parameter(path + ".ia3.weight", factors),
            ofInput));
  }
}
