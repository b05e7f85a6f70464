package dev.outpost.transformer.layer;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Activation;
import dev.outpost.autograd.op.MeanRows;
import dev.outpost.autograd.op.Rows;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is made of the hidden states: {@code W·transform(h) + b} of every position or of the first.
 * Its parameters are called after what it makes: {@code head.…} of tokens, {@code classifier.…} and
 * {@code pooler.…} of classes, {@code projection.…} and {@code pooler.…} of features.
 *
 * @param kind what it makes
 * @param pool of which positions
 * @param transform before the matrix, or null
 * @param weight W [outputs, E]; null when tied to the token embedding, and in features that nothing
 *     projects
 * @param bias b [outputs], or null
 */
public record Head(
    Spec.HeadKind kind,
    Spec.Pool pool,
    @Nullable Transform transform,
    @Nullable Parameter weight,
    @Nullable Parameter bias)
    implements Module<Head> {
  /**
   * {@code norm(f(dense(h)))}.
   *
   * @param activation f
   */
  public record Transform(Projection dense, UnaryMap activation, @Nullable Norm norm) {
    private Var apply(Pass pass, Var h) {
      Var x =
          Activation.activation(pass.tape(), activation, dense.apply(pass, "head.transform", h));
      return norm == null ? x : norm.apply(pass, x);
    }
  }

  /** What the last norm reads of the blocks' output h [B·T, C]: all of it, or means [B, C]. */
  public Var pooled(Pass pass, Var h) {
    return switch (pool) {
      case FIRST -> h;
      case MEAN_OF_OTHERS -> MeanRows.meanRows(pass.tape(), h, pass.batch(), 1);
    };
  }

  /**
   * What the matrix is applied to: rows of hidden, which is [B·T, E] or where {@link #pooled} took
   * means [B, E], transformed; [B·T, E] or [B, E].
   */
  public Var reads(Pass pass, Var hidden) {
    boolean all = kind == Spec.HeadKind.TOKENS || pool == Spec.Pool.MEAN_OF_OTHERS;
    Var h = all ? hidden : Rows.rows(pass.tape(), hidden, firsts(pass));
    return transform == null ? h : transform.apply(pass, h);
  }

  private static int[] firsts(Pass pass) {
    int[] rows = new int[pass.batch()];
    for (int b = 0; b < rows.length; b++) rows[b] = b * pass.time();
    return rows;
  }

  /** Path of the parameters of a head's matrix. */
  public static String path(Spec.HeadKind kind) {
    return switch (kind) {
      case TOKENS -> "head";
      case CLASSES -> "classifier";
      case FEATURES -> "projection";
    };
  }

  /**
   * What of a head an adapter may hold, as a slot beside the blocks: the matrix of a classifier,
   * whose classes are those of the data it is tuned on.
   */
  public static Set<String> slots(Spec spec) {
    return spec.head().kind() == Spec.HeadKind.CLASSES
        ? Set.of(path(Spec.HeadKind.CLASSES))
        : Set.of();
  }

  /** Path of the parameters of a head's transform. */
  public static String transformPath(Spec.HeadKind kind) {
    return switch (kind) {
      case TOKENS -> "head.transform";
      case CLASSES, FEATURES -> "pooler";
    };
  }

  /** Shows the parameters; a model has one head, so their paths are its own. */
  public void visit(ParameterVisitor visitor) {
    visit("", visitor);
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    if (transform != null) {
      transform.dense.visit(path + transformPath(kind), visitor);
      if (transform.norm != null)
        transform.norm.visit(path + transformPath(kind) + ".norm", visitor);
    }
    if (weight != null) visitor.visit(path + path(kind) + ".weight", weight);
    if (bias != null) visitor.visit(path + path(kind) + ".bias", bias);
  }

  @Override
  public Head rewrite(String path, Rewriter r) {
    String inner = path + transformPath(kind);
    return new Head(
        kind,
        pool,
        transform == null
            ? null
            : new Transform(
                transform.dense.rewrite(inner, r),
                transform.activation,
                transform.norm == null ? null : transform.norm.rewrite(inner + ".norm", r)),
        weight == null ? null : r.parameter(path + path(kind) + ".weight", weight),
        bias == null ? null : r.parameter(path + path(kind) + ".bias", bias));
  }
}
