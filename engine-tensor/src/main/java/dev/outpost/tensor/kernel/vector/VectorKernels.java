package dev.outpost.tensor.kernel.vector;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AdamWStep;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.RotaryShape;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Every operation with the JDK's Vector API on all threads of a team. This class only cuts the work
 * into ranges; the arithmetic is in the classes named after it. Buffers for packing are kept
 * between calls and are not part of any result.
 */
public final class VectorKernels implements Kernels {
  private static final int PARTIAL = 1 << 14;

  private final Team team;
  private final Scratch scratch = new Scratch();
  private final PackedGemm packedGemm;
  private final ThinGemm thinGemm;
  private final AttentionForward attentionForward;
  private final AttentionBackward attentionBackward;
  private final LayerNormBackward layerNormBackward;
  private final RmsNormBackward rmsNormBackward;

  /** Runs on these threads. Fails to load where the module jdk.incubator.vector is missing. */
  public VectorKernels(Team team) {
    this.team = team;
    this.packedGemm = new PackedGemm(team, scratch);
    this.thinGemm = new ThinGemm(team, scratch);
    this.attentionForward = new AttentionForward(team, scratch);
    this.attentionBackward = new AttentionBackward(team, scratch);
    this.layerNormBackward = new LayerNormBackward(team, scratch);
    this.rmsNormBackward = new RmsNormBackward(team, scratch);
  }

  @Override
  public String name() {
    return "vector-" + Lanes.bits();
  }

  @Override
  public Team team() {
    return team;
  }

  @Override
  public void fill(Tensor t, float value) {
    t.fill(value);
  }

  @Override
  public void copy(MatView from, MatView to, boolean accumulate) {
    float[] a = from.data();
    float[] b = to.data();
    int c = to.cols();
    int step = from.colStride();
    for (int r = 0; r < to.rows(); r++) {
      int at = (int) from.offset() + r * from.rowStride();
      int into = (int) to.offset() + r * to.rowStride();
      if (accumulate) for (int j = 0; j < c; j++) b[into + j] += a[at + j * step];
      else if (step == 1) System.arraycopy(a, at, b, into, c);
      else for (int j = 0; j < c; j++) b[into + j] = a[at + j * step];
    }
  }

  @Override
  public void gemm(MatView a, MatView b, MatView c, boolean accumulate) {
    assert a.rows() == c.rows() && b.cols() == c.cols() && a.cols() == b.rows();
    assert c.cols() <= 1 || c.colStride() == 1;
    if (c.rows() == 0 || c.cols() == 0) return;
    if (a.cols() == 0) {
      if (!accumulate) clear(c);
      return;
    }
    if (ThinGemm.suits(a, b)) thinGemm.multiply(a, b, c, accumulate);
    else packedGemm.multiply(a, b, c, accumulate);
  }

  private static void clear(MatView c) {
    for (int i = 0; i < c.rows(); i++) {
      int at = (int) c.offset() + i * c.rowStride();
      Arrays.fill(c.data(), at, at + c.cols(), 0);
    }
  }

  @Override
  public void addBias(Tensor x, Tensor bias, Tensor y) {
    int cols = x.cols();
    Split.rows(
        team,
        x.rows(),
        cols,
        (from, to) -> {
          for (int r = from; r < to; r++) {
            int at = r * cols;
            ElementKernels.add(
                x.data(),
                x.offset() + at,
                bias.data(),
                bias.offset(),
                y.data(),
                y.offset() + at,
                cols);
          }
        });
  }

  @Override
  public void sumRows(Tensor x, Tensor out, boolean accumulate) {
    Split.columns(
        team,
        x.rows(),
        x.cols(),
        ColumnKernels.BLOCK,
        (from, to) -> ColumnKernels.sum(x, from, to, out, accumulate, scratch));
  }

  @Override
  public void axpby(float alpha, Tensor x, float beta, Tensor y) {
    Split.elements(
        team,
        x.size(),
        (from, to) ->
            ElementKernels.axpby(
                alpha, x.data(), x.offset() + from, beta, y.data(), y.offset() + from, to - from));
  }

  @Override
  public void add(Tensor a, Tensor b, Tensor y) {
    Split.elements(
        team,
        y.size(),
        (from, to) ->
            ElementKernels.add(
                a.data(),
                a.offset() + from,
                b.data(),
                b.offset() + from,
                y.data(),
                y.offset() + from,
                to - from));
  }

  @Override
  public void multiply(Tensor a, Tensor b, Tensor y, boolean accumulate) {
    Split.elements(
        team,
        y.size(),
        (from, to) ->
            ElementKernels.multiply(
                a.data(),
                a.offset() + from,
                b.data(),
                b.offset() + from,
                y.data(),
                y.offset() + from,
                to - from,
                accumulate));
  }

  @Override
  public void map(UnaryMap op, Tensor x, Tensor y) {
    Split.elements(
        team,
        x.size(),
        (from, to) ->
            MapKernels.map(
                op, x.data(), x.offset() + from, y.data(), y.offset() + from, to - from));
  }

  @Override
  public void mapBackward(UnaryMap op, Tensor x, Tensor dy, Tensor dx, boolean accumulate) {
    Split.elements(
        team,
        x.size(),
        (from, to) ->
            MapKernels.backward(
                op,
                x.data(),
                x.offset() + from,
                dy.data(),
                dy.offset() + from,
                dx.data(),
                dx.offset() + from,
                to - from,
                accumulate));
  }

  @Override
  public void layerNorm(
      Tensor x, Tensor gamma, Tensor beta, float eps, Tensor y, Tensor mean, Tensor rstd) {
    int cols = x.cols();
    Split.rows(
        team,
        x.rows(),
        cols,
        (from, to) -> {
          for (int r = from; r < to; r++)
            NormKernels.forward(
                x.data(), x.offset() + r * cols, cols, gamma, beta, eps, y, r, mean, rstd);
        });
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
    if (dx != null && dgamma != null && dbeta != null) {
      layerNormBackward.run(
          x, gamma, mean, rstd, dy, dx, accumulateX, dgamma, dbeta, accumulateParameters);
      return;
    }
    int cols = x.cols();
    if (dgamma != null && dbeta != null)
      Split.columns(
          team,
          x.rows(),
          cols,
          ColumnKernels.BLOCK,
          (from, to) ->
              ColumnKernels.normParameters(
                  x, mean, rstd, dy, from, to, dgamma, dbeta, accumulateParameters, scratch));
    if (dx == null) return;
    Split.rows(
        team,
        x.rows(),
        cols,
        (from, to) -> {
          float[] averages = scratch.take(2);
          for (int r = from; r < to; r++)
            layerNormRow(x, gamma, mean, rstd, dy, r, dx, accumulateX, averages);
          scratch.give(averages);
        });
  }

  private static void layerNormRow(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      int row,
      Tensor dx,
      boolean add,
      float[] averages) {
    int n = x.cols();
    int xo = x.offset() + row * n;
    int dyo = dy.offset() + row * n;
    float[] g = gamma.data();
    int go = gamma.offset();
    float m = mean.get(row);
    float s = rstd.get(row);
    NormKernels.averages(x.data(), xo, dy.data(), dyo, g, go, n, m, s, averages, 0);
    NormKernels.dx(
        x.data(),
        xo,
        dy.data(),
        dyo,
        g,
        go,
        n,
        m,
        s,
        averages[0],
        averages[1],
        dx.data(),
        dx.offset() + row * n,
        add);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor gamma, float eps, Tensor y, Tensor rstd) {
    int cols = x.cols();
    Split.rows(
        team,
        x.rows(),
        cols,
        (from, to) -> {
          for (int r = from; r < to; r++)
            RmsNormKernels.forward(
                x.data(),
                x.offset() + r * cols,
                cols,
                gamma.data(),
                gamma.offset(),
                eps,
                y.data(),
                y.offset() + r * cols,
                rstd.data(),
                rstd.offset() + r);
        });
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
    rmsNormBackward.run(x, gamma, rstd, dy, dx, accumulateX, dgamma, accumulateGamma);
  }

  @Override
  public void rotary(RotaryShape shape, Tensor angles, HeadView x, HeadView y, boolean inverse) {
    int rows = shape.batch() * shape.time();
    Split.rows(
        team,
        rows,
        shape.heads() * shape.headDim(),
        (from, to) -> RotaryKernels.rows(shape, angles, x, y, inverse, from, to));
  }

  @Override
  public void gate(UnaryMap op, Tensor gate, Tensor up, Tensor y) {
    Split.elements(
        team,
        y.size(),
        (from, to) ->
            GateKernels.forward(
                op,
                gate.data(),
                gate.offset() + from,
                up.data(),
                up.offset() + from,
                y.data(),
                y.offset() + from,
                to - from));
  }

  @Override
  public void gateBackward(
      UnaryMap op, Tensor gate, Tensor up, Tensor dy, Tensor dgate, Tensor dup) {
    Split.elements(
        team,
        dy.size(),
        (from, to) -> {
          float[] piece = scratch.take(GateKernels.PIECE);
          GateKernels.backward(
              op,
              gate.data(),
              gate.offset() + from,
              up.data(),
              up.offset() + from,
              dy.data(),
              dy.offset() + from,
              dgate.data(),
              dgate.offset() + from,
              dup.data(),
              dup.offset() + from,
              to - from,
              piece);
          scratch.give(piece);
        });
  }

  @Override
  public void softmax(Tensor x, Tensor y) {
    int cols = x.cols();
    Split.rows(
        team,
        x.rows(),
        cols,
        (from, to) -> {
          for (int r = from; r < to; r++)
            RowKernels.softmax(
                x.data(), x.offset() + r * cols, cols, y.data(), y.offset() + r * cols);
        });
  }

  @Override
  public void attention(
      AttentionShape shape, HeadView q, HeadView k, HeadView v, HeadView out, Tensor lse) {
    attentionForward.run(shape, q, k, v, out, lse);
  }

  @Override
  public void attentionBackward(
      AttentionShape shape,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse,
      HeadView dout,
      HeadView dq,
      HeadView dk,
      HeadView dv) {
    attentionBackward.run(shape, q, k, v, out, lse, dout, dq, dk, dv);
  }

  @Override
  public void gather(Weight table, int[] ids, Tensor out, boolean accumulate) {
    int cols = out.cols();
    Split.rows(
        team,
        ids.length,
        cols,
        (from, to) -> {
          float[] decoded = scratch.take(cols);
          for (int i = from; i < to; i++) {
            int at = out.offset() + i * cols;
            float[] row = decoded;
            int rowAt = 0;
            switch (table) {
              case HeapWeight w -> {
                row = w.tensor().data();
                rowAt = w.tensor().offset() + ids[i] * cols;
              }
              case MappedWeight w ->
                  Decode.rows(
                      w.segment(), w.dtype(), (long) ids[i] * cols, 0, 1, cols, decoded, 0, 0);
            }
            if (accumulate) ColumnKernels.plus(out.data(), at, row, rowAt, cols);
            else System.arraycopy(row, rowAt, out.data(), at, cols);
          }
          scratch.give(decoded);
        });
  }

  @Override
  public void scatterAdd(Tensor dOut, int[] ids, Tensor dTable) {
    int cols = dOut.cols();
    Split.columns(
        team,
        ids.length,
        cols,
        ColumnKernels.BLOCK,
        (from, to) -> {
          for (int i = 0; i < ids.length; i++)
            ColumnKernels.plus(
                dTable.data(),
                dTable.offset() + ids[i] * cols + from,
                dOut.data(),
                dOut.offset() + i * cols + from,
                to - from);
        });
  }

  @Override
  public void crossEntropy(
      Tensor logits, int[] targets, float scale, float[] losses, boolean gradient) {
    int cols = logits.cols();
    Split.rows(
        team,
        logits.rows(),
        cols,
        (from, to) -> {
          for (int r = from; r < to; r++) {
            int at = logits.offset() + r * cols;
            if (targets[r] >= 0) {
              losses[r] =
                  RowKernels.crossEntropy(logits.data(), at, cols, targets[r], scale, gradient);
            } else {
              losses[r] = 0;
              if (gradient) Arrays.fill(logits.data(), at, at + cols, 0);
            }
          }
        });
  }

  @Override
  public void adamW(Tensor p, Tensor g, Tensor m, Tensor v, AdamWStep step) {
    Split.elements(
        team,
        p.size(),
        (from, to) ->
            ElementKernels.adamW(
                p.data(),
                p.offset() + from,
                g.data(),
                g.offset() + from,
                m.data(),
                m.offset() + from,
                v.data(),
                v.offset() + from,
                to - from,
                step));
  }

  @Override
  public double sumSquares(Tensor x) {
    return partialSums(
        x.size(),
        i -> ElementKernels.sumSquares(x.data(), x.offset() + i, Math.min(PARTIAL, x.size() - i)));
  }

  @Override
  public double sumSquaredDifference(Tensor a, Tensor b) {
    return partialSums(
        a.size(),
        i ->
            ElementKernels.sumSquaredDifference(
                a.data(),
                a.offset() + i,
                b.data(),
                b.offset() + i,
                Math.min(PARTIAL, a.size() - i)));
  }

  /** One sum per fixed chunk, added up in the chunks' order. */
  private double partialSums(int size, IntToDoubleFunction chunkFrom) {
    int n = (int) (((long) size + PARTIAL - 1) / PARTIAL);
    double[] parts = scratch.takeDoubles(n);
    Split.tasks(team, size, n, t -> parts[t] = chunkFrom.applyAsDouble(t * PARTIAL));
    double sum = 0;
    for (int t = 0; t < n; t++) sum += parts[t];
    scratch.give(parts);
    return sum;
  }
}
