package dev.outpost.transformer.layer;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.LayerNorm;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Rewriter;

/**
 * LayerNorm over the last axis.
 *
 * @param weight gain [C]
 * @param bias shift [C]
 * @param eps added to the variance
 */
public record Norm(Parameter weight, Parameter bias, float eps) implements Module<Norm> {
  /** x [N, C] → [N, C]. */
  public Var apply(Pass pass, Var x) {
    return LayerNorm.layerNorm(pass.tape(), x, pass.of(weight), pass.of(bias), eps);
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    visitor.visit(path + ".weight", weight);
    visitor.visit(path + ".bias", bias);
  }

  @Override
  public Norm rewrite(String path, Rewriter r) {
    return new Norm(r.parameter(path + ".weight", weight), r.parameter(path + ".bias", bias), eps);
  }
}
