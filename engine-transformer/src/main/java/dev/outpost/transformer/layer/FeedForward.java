package dev.outpost.transformer.layer;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Activation;
import dev.outpost.autograd.op.Columns;
import dev.outpost.autograd.op.Gate;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import org.jspecify.annotations.Nullable;

/**
 * Two projections around a non-linearity: {@code down(f(up(x)))}, or with a gate {@code
 * down(f(gate(x)) ⊙ up(x))}.
 *
 * @param gate C → F, or null
 * @param up C → F; or C → 2·F, the gate's columns first
 * @param paired whether {@code up} holds the gate
 * @param activation applied to F numbers: the gate's if there is one
 * @param down F → C
 */
public record FeedForward(
    @Nullable Projection gate, Projection up, boolean paired, UnaryMap activation, Projection down)
    implements Module<FeedForward> {
  /** x [N, C] → [N, C]. */
  public Var apply(Pass pass, Var x) {
    return down.apply(pass, "mlp.down", wide(pass, x));
  }

  private Var wide(Pass pass, Var x) {
    if (paired) return halves(pass, up.apply(pass, "mlp.gate_up", x));
    if (gate == null)
      return Activation.activation(pass.tape(), activation, up.apply(pass, "mlp.up", x));
    Var g = gate.apply(pass, "mlp.gate", x);
    return Gate.gate(pass.tape(), activation, g, up.apply(pass, "mlp.up", x));
  }

  private Var halves(Pass pass, Var both) {
    int f = down.in();
    Var g = Columns.columns(pass.tape(), both, 0, f);
    return Gate.gate(pass.tape(), activation, g, Columns.columns(pass.tape(), both, f, 2 * f));
  }

  private String upName() {
    return paired ? ".gate_up" : ".up";
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    if (gate != null) gate.visit(path + ".gate", visitor);
    up.visit(path + upName(), visitor);
    down.visit(path + ".down", visitor);
  }

  @Override
  public FeedForward rewrite(String path, Rewriter r) {
    return new FeedForward(
        gate == null ? null : gate.rewrite(path + ".gate", r),
        up.rewrite(path + upName(), r),
        paired,
        activation,
        down.rewrite(path + ".down", r));
  }
}
