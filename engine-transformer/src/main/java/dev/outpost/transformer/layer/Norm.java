package dev.outpost.transformer.layer;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.LayerNorm;
import dev.outpost.autograd.op.RmsNorm;
import dev.outpost.autograd.op.Shift;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Rewriter;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Normalisation over the last axis, or over each run of it as long as the weight.
 *
 * @param kind which
 * @param weight gain [C]
 * @param bias shift [C] of a LayerNorm, null in the others
 * @param eps added to the variance or mean square
 */
public record Norm(Kind kind, Parameter weight, @Nullable Parameter bias, float eps)
    implements Module<Norm> {
  /** The norms. */
  public enum Kind {
    /** Mean 0, variance 1, then gain and shift (Ba et al. 2016). */
    LAYER,
    /** Mean square 1, then gain (Zhang & Sennrich 2019). */
    RMS,
    /** As RMS, the weight counting from 1: {@code x̂·(1 + w)}, stored and trained as w (Gemma). */
    RMS_FROM_ONE
  }

  public Norm {
    if ((kind == Kind.LAYER) != (bias != null))
      throw new IllegalArgumentException("norm: LAYER has a bias, the others have none");
  }

  /** x [N, C] → [N, C]. */
  public Var apply(Pass pass, Var x) {
    return switch (kind) {
      case LAYER ->
          LayerNorm.layerNorm(
              pass.tape(), x, pass.of(weight), pass.of(Objects.requireNonNull(bias)), eps);
      case RMS -> RmsNorm.rmsNorm(pass.tape(), x, pass.of(weight), eps);
      case RMS_FROM_ONE ->
          RmsNorm.rmsNorm(pass.tape(), x, Shift.shift(pass.tape(), pass.of(weight), 1), eps);
    };
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    visitor.visit(path + ".weight", weight);
    if (bias != null) visitor.visit(path + ".bias", bias);
  }

  @Override
  public Norm rewrite(String path, Rewriter r) {
    return new Norm(
        kind,
        r.parameter(path + ".weight", weight),
        bias == null ? null : r.parameter(path + ".bias", bias),
        eps);
  }
}
