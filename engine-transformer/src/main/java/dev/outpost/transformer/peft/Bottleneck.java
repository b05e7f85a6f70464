package dev.outpost.transformer.peft;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Activation;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Dropout;
import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import java.util.Objects;

/**
 * A narrow network behind a projection (Houlsby et al. 2019; ReLU as in offsite-tuning's code):
 * {@code h = base(x); y = h + up(dropout(relu(down(h))))}.
 *
 * @param base the projection as it was
 * @param down [size, out] and its bias, starts as the reference's kaiming-uniform, bias 0
 * @param up [out, size] and its bias, starts 0, so that attaching changes nothing
 * @param dropout probability, in training only
 */
public record Bottleneck(Projection base, Dense down, Dense up, float dropout) implements Attached {
  /** Attaches a fresh network to {@code base}; {@code path} names its random stream. */
  public static Bottleneck on(Projection base, BottleneckConfig config, String path, long seed) {
    int width = base.out();
    Tensor inner = Attached.uniform(config.size(), width, "bottleneck." + path, seed);
    return new Bottleneck(
        base,
        dense(inner, Tensor.zeros(config.size())),
        dense(Tensor.zeros(width, config.size()), Tensor.zeros(width)),
        config.dropout());
  }

  private static Dense dense(Tensor weight, Tensor bias) {
    return new Dense(Attached.trainable(weight), Attached.trainable(bias), Linear.Layout.OUT_IN);
  }

  @Override
  public String title() {
    return "a bottleneck";
  }

  @Override
  public Var apply(Pass pass, String name, Var x) {
    Var h = base.apply(pass, name, x);
    String inside = name + ".bottleneck_down";
    Var low = Activation.activation(pass.tape(), UnaryMap.RELU, down.apply(pass, inside, h));
    float p = pass.dropoutKey() == 0 ? 0 : dropout;
    Var kept = Dropout.dropout(pass.tape(), low, p, p == 0 ? 0 : pass.dropoutKey(name));
    return Add.add(pass.tape(), h, up.apply(pass, name + ".bottleneck_up", kept));
  }

  /** This: its non-linearity fits into no projection. */
  @Override
  public Bottleneck merge(Kernels k) {
    return this;
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    base.visit(path, visitor);
    down.visit(path + ".bottleneck_down", visitor);
    up.visit(path + ".bottleneck_up", visitor);
  }

  @Override
  public Projection rewrite(String path, Rewriter r) {
    Rewriter inside = Attached.parametersOnly(r);
    return r.projection(
        path,
        new Bottleneck(
            base.rewrite(path, inside),
            rewritten(down, path + ".bottleneck_down", r),
            rewritten(up, path + ".bottleneck_up", r),
            dropout));
  }

  private static Dense rewritten(Dense d, String path, Rewriter r) {
    Parameter bias = Objects.requireNonNull(d.bias());
    return new Dense(
        r.parameter(path + ".weight", d.weight()), r.parameter(path + ".bias", bias), d.layout());
  }
}
