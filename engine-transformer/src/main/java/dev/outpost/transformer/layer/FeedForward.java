package dev.outpost.transformer.layer;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Activation;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;

/**
 * Two projections around a non-linearity.
 *
 * @param up C → F
 * @param activation applied to the F numbers
 * @param down F → C
 */
public record FeedForward(Projection up, UnaryMap activation, Projection down)
    implements Module<FeedForward> {
  /** x [N, C] → [N, C]. */
  public Var apply(Pass pass, Var x) {
    Var wide = Activation.activation(pass.tape(), activation, up.apply(pass, "mlp.up", x));
    return down.apply(pass, "mlp.down", wide);
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    up.visit(path + ".up", visitor);
    down.visit(path + ".down", visitor);
  }

  @Override
  public FeedForward rewrite(String path, Rewriter r) {
    return new FeedForward(
        up.rewrite(path + ".up", r), activation, down.rewrite(path + ".down", r));
  }
}
