package dev.outpost.transformer.layer;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Linear;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import org.jspecify.annotations.Nullable;

/**
 * y = x·W + b with the weight as its file stores it.
 *
 * @param weight [in, out] or [out, in], as {@code layout} says
 * @param bias [out], or null
 * @param layout which of the two
 */
public record Dense(Parameter weight, @Nullable Parameter bias, Linear.Layout layout)
    implements Projection {
  @Override
  public Var apply(Pass pass, String name, Var x) {
    return Linear.linear(
        pass.tape(),
        pass.path() + "." + name,
        x,
        pass.of(weight),
        bias == null ? null : pass.of(bias),
        layout);
  }

  @Override
  public int in() {
    return weight.shape().dim(layout == Linear.Layout.IN_OUT ? 0 : 1);
  }

  @Override
  public int out() {
    return weight.shape().dim(layout == Linear.Layout.IN_OUT ? 1 : 0);
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    visitor.visit(path + ".weight", weight);
    if (bias != null) visitor.visit(path + ".bias", bias);
  }

  @Override
  public Projection rewrite(String path, Rewriter r) {
    Parameter w = r.parameter(path + ".weight", weight);
    Parameter b = bias == null ? null : r.parameter(path + ".bias", bias);
    return r.projection(path, new Dense(w, b, layout));
  }
}
