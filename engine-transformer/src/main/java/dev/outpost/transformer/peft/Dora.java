package dev.outpost.transformer.peft;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Divide;
import dev.outpost.autograd.op.Embedding;
import dev.outpost.autograd.op.Linear;
import dev.outpost.autograd.op.ScaleColumns;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import org.jspecify.annotations.Nullable;

/**
 * A weight's rows turned by a low-rank update and stretched to learnt lengths (Liu et al. 2024, eq.
 * 5): {@code y = m ⊙ (W + s·B·A)·x / ‖W + s·B·A‖ + bias}, the norm that of each row. The norm is a
 * constant on the way back, as in section 4.3 there and in the reference. Dropout acts on the
 * update's input only.
 *
 * @param lora W, A, B and s
 * @param magnitude m [out], starts as W's norms, so that attaching changes nothing
 * @param squares ‖W‖² of each row [out]
 */
public record Dora(Lora lora, Parameter magnitude, Tensor squares) implements Attached {
  /** Attaches a fresh update to a dense {@code base}; {@code path} names its random stream. */
  public static Dora on(Projection base, LoraConfig config, String path, long seed) {
    if (!(base instanceof Dense d))
      throw new IllegalArgumentException(
          "dora: " + path + " is no dense projection, whose rows have lengths; use lora there");
    return of(Lora.on(base, config, path, seed), d, null);
  }

  /**
   * With a given length of each row [out].
   *
   * @param magnitude null for those of the base
   */
  static Dora of(Lora lora, Dense base, @Nullable Parameter magnitude) {
    Tensor squares = squares(base);
    if (magnitude != null) return new Dora(lora, magnitude, squares);
    Tensor lengths = Tensor.zeros(squares.size());
    for (int i = 0; i < squares.size(); i++) lengths.data()[i] = (float) Math.sqrt(squares.get(i));
    return new Dora(lora, Attached.trainable(lengths), squares);
  }

  private static Tensor squares(Dense d) {
    Tensor w = d.weight().weight().toTensor();
    int cols = w.cols();
    double[] sums = new double[d.out()];
    for (int i = 0; i < w.size(); i++) {
      int row = d.layout() == Linear.Layout.OUT_IN ? i / cols : i % cols;
      sums[row] += (double) w.get(i) * w.get(i);
    }
    Tensor squares = Tensor.zeros(sums.length);
    for (int i = 0; i < sums.length; i++) squares.data()[i] = (float) sums[i];
    return squares;
  }

  @Override
  public Projection base() {
    return lora.base();
  }

  @Override
  public String title() {
    return "DoRA";
  }

  private Dense dense() {
    return Attached.dense("dora", lora.base());
  }

  @Override
  public Var apply(Pass pass, String name, Var x) {
    return apply(pass, name, x, norms(pass.tape().kernels()));
  }

  /** The same with the norms given. */
  Var apply(Pass pass, String name, Var x, float[] norms) {
    Dense d = dense();
    Var turned = new Dense(d.weight(), null, d.layout()).apply(pass, name, x);
    Var sum = Add.add(pass.tape(), turned, lora.update(pass, name, x));
    Var lengths = Divide.divide(pass.tape(), pass.of(magnitude), norms);
    Var y = ScaleColumns.scaleColumns(pass.tape(), sum, lengths);
    if (d.bias() == null) return y;
    int[] everyRow = new int[y.shape().rows()];
    return Add.add(pass.tape(), y, Embedding.embedding(pass.tape(), pass.of(d.bias()), everyRow));
  }

  /**
   * ‖W + s·B·A‖ of each row, from products of rank r: {@code ‖w‖² + 2s·(W·Aᵀ)·b + s²·b·(A·Aᵀ)·bᵀ}.
   */
  float[] norms(Kernels k) {
    Dense d = dense();
    Weight a = lora.a().weight();
    if (lora.b().weight() instanceof HeapWeight h) k.memory().fetch(h.tensor());
    Tensor b = lora.b().weight().toTensor();
    MatView down = a.view();
    MatView w = d.weight().weight().view();
    Tensor wa = Tensor.zeros(d.out(), b.cols());
    k.gemm(d.layout() == Linear.Layout.OUT_IN ? w : w.t(), down.t(), MatView.of(wa), false);
    Tensor aa = Tensor.zeros(b.cols(), b.cols());
    k.gemm(down, down.t(), MatView.of(aa), false);
    Tensor ba = Tensor.zeros(d.out(), b.cols());
    k.gemm(MatView.of(b), MatView.of(aa), MatView.of(ba), false);
    float[] norms = new float[d.out()];
    int r = b.cols();
    double s = lora.scale();
    for (int o = 0; o < norms.length; o++) {
      double sum = squares.get(o);
      for (int i = o * r; i < (o + 1) * r; i++)
        sum += b.get(i) * (2 * s * wa.get(i) + s * s * ba.get(i));
      // A row of zeros has no direction; its length then counts from almost nothing.
      norms[o] = Math.max(Float.MIN_NORMAL, (float) Math.sqrt(Math.max(0, sum)));
    }
    return norms;
  }

  @Override
  public Dense merge(Kernels k) {
    Dense turned = lora.merge(k);
    Tensor w = turned.weight().weight().toTensor();
    float[] norms = norms(k);
    Tensor m = magnitude.weight().toTensor();
    int cols = w.cols();
    for (int i = 0; i < w.size(); i++) {
      int row = turned.layout() == Linear.Layout.OUT_IN ? i / cols : i % cols;
      w.data()[w.offset() + i] *= m.get(row) / norms[row];
    }
    return new Dense(Parameter.frozen(HeapWeight.of(w)), turned.bias(), turned.layout());
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    lora.visit(path, visitor);
    visitor.visit(path + ".dora_magnitude.weight", magnitude);
  }

  @Override
  public Projection rewrite(String path, Rewriter r) {
    Lora inside = lora.inside(path, r);
    Dense was = dense();
    Dense is = Attached.dense("dora", inside.base());
    return r.projection(
        path,
        new Dora(
            inside,
            r.parameter(path + ".dora_magnitude.weight", magnitude),
            is.weight().weight() == was.weight().weight() ? squares : squares(is)));
  }
}
