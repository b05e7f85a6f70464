package dev.outpost.tensor.kernel;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import org.jspecify.annotations.Nullable;

/**
 * Other kernels on a {@link MirrorMemory}: to the code above them a device, with the other kernels'
 * bits. Arrays that are the host's are computed on where they lie.
 */
public final class MirrorKernels implements Kernels {
  private final Kernels real;
  private final MirrorMemory memory = new MirrorMemory();

  /** A device that computes as {@code real}. */
  public MirrorKernels(Kernels real) {
    this.real = real;
  }

  @Override
  public String name() {
    return "mirror of " + real.name();
  }

  @Override
  public Team team() {
    return real.team();
  }

  @Override
  public MirrorMemory memory() {
    return memory;
  }

  private Tensor in(Tensor t) {
    return new Tensor(t.shape(), memory.read(t.data()), t.offset());
  }

  private Tensor out(Tensor t) {
    float[] data = memory.written(t.data(), t.offset(), 1, t.size(), 0);
    return new Tensor(t.shape(), data, t.offset());
  }

  private @Nullable Tensor outOrNone(@Nullable Tensor t) {
    return t == null ? null : out(t);
  }

  private MatView in(MatView m) {
    return m.onHeap() ? on(memory.read(m.data()), m) : m;
  }

  private MatView out(MatView m) {
    return on(memory.written(m.data(), (int) m.offset(), m.rows(), m.cols(), m.rowStride()), m);
  }

  private static MatView on(float[] data, MatView m) {
    return MatView.of(data, (int) m.offset(), m.rows(), m.cols(), m.rowStride(), m.colStride());
  }

  private HeadView in(HeadView h) {
    return on(memory.read(h.data()), h);
  }

  private HeadView out(HeadView h, int batch, int time, int width) {
    float[] data = h.data();
    for (int b = 0; b < batch; b++)
      data = memory.written(h.data(), h.at(b, 0, 0, 0), time, width, h.rowStride());
    return batch == 0 ? in(h) : on(data, h);
  }

  private static HeadView on(float[] data, HeadView h) {
    return new HeadView(data, h.offset(), h.batchStride(), h.rowStride());
  }

  @Override
  public void fill(Tensor t, float value) {
    real.fill(out(t), value);
  }

  @Override
  public void copy(MatView from, MatView to, boolean accumulate) {
    real.copy(in(from), out(to), accumulate);
  }

  @Override
  public void gemm(MatView a, MatView b, MatView c, boolean accumulate) {
    real.gemm(in(a), in(b), out(c), accumulate);
  }

  @Override
  public void addBias(Tensor x, Tensor bias, Tensor y) {
    real.addBias(in(x), in(bias), out(y));
  }

  @Override
  public void sumRows(Tensor x, Tensor out, boolean accumulate) {
    real.sumRows(in(x), out(out), accumulate);
  }

  @Override
  public void axpby(float alpha, Tensor x, float beta, Tensor y) {
    real.axpby(alpha, in(x), beta, out(y));
  }

  @Override
  public void add(Tensor a, Tensor b, Tensor y) {
    real.add(in(a), in(b), out(y));
  }

  @Override
  public void multiply(Tensor a, Tensor b, Tensor y, boolean accumulate) {
    real.multiply(in(a), in(b), out(y), accumulate);
  }

  @Override
  public void map(UnaryMap op, Tensor x, Tensor y) {
    real.map(op, in(x), out(y));
  }

  @Override
  public void mapBackward(UnaryMap op, Tensor x, Tensor dy, Tensor dx, boolean accumulate) {
    real.mapBackward(op, in(x), in(dy), out(dx), accumulate);
  }

  @Override
  public void layerNorm(
      Tensor x, Tensor gamma, Tensor beta, float eps, Tensor y, Tensor mean, Tensor rstd) {
    real.layerNorm(in(x), in(gamma), in(beta), eps, out(y), out(mean), out(rstd));
  }

  @Override
  public void layerNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      @Nullable Tensor dbeta,
      boolean accumulateParameters) {
    real.layerNormBackward(
        in(x),
        in(gamma),
        in(mean),
        in(rstd),
        in(dy),
        outOrNone(dx),
        accumulateX,
        outOrNone(dgamma),
        outOrNone(dbeta),
        accumulateParameters);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor gamma, float eps, Tensor y, Tensor rstd) {
    real.rmsNorm(in(x), in(gamma), eps, out(y), out(rstd));
  }

  @Override
  public void rmsNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      boolean accumulateGamma) {
    real.rmsNormBackward(
        in(x),
        in(gamma),
        in(rstd),
        in(dy),
        outOrNone(dx),
        accumulateX,
        outOrNone(dgamma),
        accumulateGamma);
  }

  @Override
  public void rotary(RotaryShape s, Tensor angles, HeadView x, HeadView y, boolean inverse) {
    HeadView to = out(y, s.batch(), s.time(), s.heads() * s.headDim());
    real.rotary(s, in(angles), in(x), to, inverse);
  }

  @Override
  public void gate(UnaryMap op, Tensor gate, Tensor up, Tensor y) {
    real.gate(op, in(gate), in(up), out(y));
  }

  @Override
  public void gateBackward(
      UnaryMap op, Tensor gate, Tensor up, Tensor dy, Tensor dgate, Tensor dup) {
    real.gateBackward(op, in(gate), in(up), in(dy), out(dgate), out(dup));
  }

  @Override
  public void softmax(Tensor x, Tensor y) {
    real.softmax(in(x), out(y));
  }

  @Override
  public void attention(
      AttentionShape s, HeadView q, HeadView k, HeadView v, HeadView out, Tensor lse) {
    HeadView to = out(out, s.batch(), s.queries(), s.heads() * s.headDim());
    real.attention(s, in(q), in(k), in(v), to, out(lse));
  }

  @Override
  public void attentionBackward(
      AttentionShape s,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse,
      HeadView dout,
      HeadView dq,
      HeadView dk,
      HeadView dv) {
    int kv = s.kvHeads() * s.headDim();
    real.attentionBackward(
        s,
        in(q),
        in(k),
        in(v),
        in(out),
        in(lse),
        in(dout),
        out(dq, s.batch(), s.queries(), s.heads() * s.headDim()),
        out(dk, s.batch(), s.keys(), kv),
        out(dv, s.batch(), s.keys(), kv));
  }

  @Override
  public void gather(Weight table, int[] ids, Tensor out, boolean accumulate) {
    Weight read =
        switch (table) {
          case HeapWeight h -> HeapWeight.of(in(h.tensor()));
          case MappedWeight m -> m;
        };
    real.gather(read, ids, out(out), accumulate);
  }

  @Override
  public void scatterAdd(Tensor dOut, int[] ids, Tensor dTable) {
    real.scatterAdd(in(dOut), ids, out(dTable));
  }

  @Override
  public void crossEntropy(
      Tensor logits, int[] targets, float scale, float[] losses, boolean gradient) {
    real.crossEntropy(out(logits), targets, scale, losses, gradient);
  }

  @Override
  public void adamW(Tensor p, Tensor g, Tensor m, Tensor v, AdamWStep step) {
    real.adamW(out(p), in(g), out(m), out(v), step);
  }

  @Override
  public double sumSquares(Tensor x) {
    return real.sumSquares(in(x));
  }

  @Override
  public double sumSquaredDifference(Tensor a, Tensor b) {
    return real.sumSquaredDifference(in(a), in(b));
  }
}
