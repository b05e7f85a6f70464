package dev.outpost.transformer;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Rewriter;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * How half a block joins the stream: {@code y = after(x + inside(f(before(x))))}, each norm only
 * where the family has it.
 *
 * @param before of f's input, or null
 * @param inside of f's result, or null
 * @param after of the sum, or null
 */
public record Residual(@Nullable Norm before, @Nullable Norm inside, @Nullable Norm after)
    implements Module<Residual> {
  /** {@code x + f(norm(x))}. */
  public static Residual before(Norm norm) {
    return new Residual(norm, null, null);
  }

  /** The stream behind {@code f}; x [N, C] → [N, C]. */
  public Var apply(Pass pass, Var x, UnaryOperator<Var> f) {
    Var y = through(pass, inside, f.apply(through(pass, before, x)));
    return through(pass, after, Add.add(pass.tape(), x, y));
  }

  private static Var through(Pass pass, @Nullable Norm norm, Var x) {
    return norm == null ? x : norm.apply(pass, x);
  }

  /** At most one of {@code before} and {@code after} is there, so both go by the plain path. */
  @Override
  public void visit(String path, ParameterVisitor visitor) {
    if (before != null) before.visit(path, visitor);
    if (inside != null) inside.visit(path + "_inside", visitor);
    if (after != null) after.visit(path, visitor);
  }

  @Override
  public Residual rewrite(String path, Rewriter r) {
    return new Residual(
        before == null ? null : before.rewrite(path, r),
        inside == null ? null : inside.rewrite(path + "_inside", r),
        after == null ? null : after.rewrite(path, r));
  }
}
