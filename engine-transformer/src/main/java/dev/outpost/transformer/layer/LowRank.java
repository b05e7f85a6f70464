package dev.outpost.transformer.layer;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import org.jspecify.annotations.Nullable;

/**
 * A projection through r numbers: {@code y = (x·Aᵀ)·B + b}. It has fewer parameters than a dense
 * one where {@code r < in·out / (in + out)}.
 *
 * @param a [r, in]
 * @param b [r, out]; both with rows of full width, so that either can be stored in blocks
 * @param bias [out], or null
 */
public record LowRank(Parameter a, Parameter b, @Nullable Parameter bias) implements Projection {
  /** How the parameters are called, behind the projection's path. */
  public static final String A = ".low_in.weight";

  /** See {@link #A}. */
  public static final String B = ".low_out.weight";

  public LowRank {
    if (a.shape().rank() != 2
        || b.shape().rank() != 2
        || a.shape().dim(0) != b.shape().dim(0)
        || (bias != null && bias.shape().size() != b.shape().dim(1)))
      throw new ShapeException(
          "low rank",
          "factors must be [r, in] and [r, out], a bias [out]",
          a.shape(),
          b.shape() + (bias == null ? "" : ", bias " + bias.shape()));
  }

  /** Whether factors of this rank have fewer parameters than a dense matrix. */
  public static boolean saves(int rank, int in, int out) {
    return (long) rank * (in + out) < (long) in * out;
  }

  /** r. */
  public int rank() {
    return a.shape().dim(0);
  }

  @Override
  public Var apply(Pass pass, String name, Var x) {
    Tape tape = pass.tape();
    String path = pass.path() + "." + name;
    Var low = Linear.linear(tape, path + ".low_in", x, pass.of(a), null, Linear.Layout.OUT_IN);
    return Linear.linear(
        tape,
        path + ".low_out",
        low,
        pass.of(b),
        bias == null ? null : pass.of(bias),
        Linear.Layout.IN_OUT);
  }

  /** The same map with its factors multiplied out. */
  public Dense dense(Kernels k) {
    Tensor w = Tensor.zeros(out(), in());
    k.gemm(b.weight().view().t(), a.weight().view(), MatView.of(w), false);
    return new Dense(Parameter.frozen(HeapWeight.of(w)), bias, Linear.Layout.OUT_IN);
  }

  @Override
  public int in() {
    return a.shape().dim(1);
  }

  @Override
  public int out() {
    return b.shape().dim(1);
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    visitor.visit(path + A, a);
    visitor.visit(path + B, b);
    if (bias != null) visitor.visit(path + ".bias", bias);
  }

  @Override
  public Projection rewrite(String path, Rewriter r) {
    return r.projection(
        path,
        new LowRank(
            r.parameter(path + A, a),
            r.parameter(path + B, b),
            bias == null ? null : r.parameter(path + ".bias", bias)));
  }
}
