package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Dot-product attention of every head: {@code out = softmax(S)·v} over the keys that each query
 * sees, {@code S = cap(scale·q·kᵀ) + bias} as {@link dev.outpost.tensor.kernel.AttentionScores}
 * says.
 *
 * <p>Backward recomputes the probabilities P from the saved log-sum-exp (Dao et al. 2022): {@code
 * dv = Pᵀ·dout, dS = P ⊙ (dout·vᵀ − Σ dout ⊙ out) ⊙ cap', dq = scale·dS·k, dk = scale·dSᵀ·q}.
 */
public final class Attention {
  private Attention() {}

  /**
   * Attention on a fused projection: qkv [B·T, (H + 2·Hkv)·D] holds queries, keys and values side
   * by side, {@code 3·H·D} columns when the head counts are equal. The result is [B·T, H·D].
   *
   * @throws ShapeException when qkv does not fit {@code s}
   */
  public static Var attention(Tape t, AttentionShape s, Var qkv) {
    int kv = s.kvHeads() * s.headDim();
    int c = s.heads() * s.headDim();
    if (s.queries() != s.keys())
      throw new ShapeException("attention", "fused qkv needs as many queries as keys", s);
    expect("qkv", qkv, s.batch() * s.queries(), c + 2 * kv, s);
    Saved saved = Saved.take(t, s, t.needsGrad(qkv));
    int[] columns = {0, c, c + kv};
    HeadView q = HeadView.of(qkv.value(), s.queries(), columns[0]);
    HeadView k = HeadView.of(qkv.value(), s.keys(), columns[1]);
    HeadView v = HeadView.of(qkv.value(), s.keys(), columns[2]);
    saved.forward(t, q, k, v);
    FusedBack back = new FusedBack(t.kernels(), t.workspace(), saved, qkv, columns);
    return t.record("attention", saved.out, List.of(qkv.value(), saved.out, saved.lse), back, qkv);
  }

  /**
   * Attention on separate projections: q [B·Tq, H·D]; k, v [B·Tk, Hkv·D]. The result is [B·Tq,
   * H·D].
   *
   * @throws ShapeException when an input does not fit {@code s}
   */
  public static Var attention(Tape t, AttentionShape s, Var q, Var k, Var v) {
    expect("q", q, s.batch() * s.queries(), s.heads() * s.headDim(), s);
    expect("k", k, s.batch() * s.keys(), s.kvHeads() * s.headDim(), s);
    expect("v", v, s.batch() * s.keys(), s.kvHeads() * s.headDim(), s);
    Saved saved = Saved.take(t, s, t.needsGrad(q, k, v));
    HeadView qs = HeadView.of(q.value(), s.queries(), 0);
    HeadView ks = HeadView.of(k.value(), s.keys(), 0);
    HeadView vs = HeadView.of(v.value(), s.keys(), 0);
    saved.forward(t, qs, ks, vs);
    SeparateBack back = new SeparateBack(t.kernels(), t.workspace(), saved, q, k, v);
    List<Tensor> kept = List.of(q.value(), k.value(), v.value(), saved.out, saved.lse);
    return t.record("attention", saved.out, kept, back, q, k, v);
  }

  static void expect(String what, Var x, int rows, int cols, AttentionShape s) {
    if (x.shape().rows() != rows || x.shape().cols() != cols)
      throw new ShapeException(
          "attention", what + " must be [" + rows + ", " + cols + "] for " + s, x.shape());
  }

  /** The result and each query's log-sum-exp. */
  private record Saved(AttentionShape shape, Tensor out, Tensor lse, boolean kept) {
    static Saved take(Tape t, AttentionShape s, boolean kept) {
      Tensor out = t.take(s.batch() * s.queries(), s.heads() * s.headDim());
      int[] dims = {s.batch(), s.heads(), s.queries()};
      return new Saved(s, out, kept ? t.take(dims) : t.workspace().take(dims), kept);
    }

    HeadView outHeads() {
      return HeadView.of(out, shape.queries(), 0);
    }

    void forward(Tape t, HeadView q, HeadView k, HeadView v) {
      t.kernels().attention(shape, q, k, v, outHeads(), lse);
      if (!kept) t.workspace().release(lse);
    }
  }

  private record FusedBack(Kernels k, Workspace ws, Saved saved, Var qkv, int[] columns)
      implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      AttentionShape s = saved.shape;
      Gradient d = Gradient.of(grads, qkv, ws);
      k.attentionBackward(
          s,
          HeadView.of(qkv.value(), s.queries(), columns[0]),
          HeadView.of(qkv.value(), s.keys(), columns[1]),
          HeadView.of(qkv.value(), s.keys(), columns[2]),
          saved.outHeads(),
          saved.lse,
          HeadView.of(dy, s.queries(), 0),
          HeadView.of(d.written, s.queries(), columns[0]),
          HeadView.of(d.written, s.keys(), columns[1]),
          HeadView.of(d.written, s.keys(), columns[2]));
      d.finish(k, ws);
    }
  }

  private record SeparateBack(Kernels kernels, Workspace ws, Saved saved, Var q, Var k, Var v)
      implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      AttentionShape s = saved.shape;
      Gradient dq = Gradient.of(grads, q, ws);
      Gradient dk = Gradient.of(grads, k, ws);
      Gradient dv = Gradient.of(grads, v, ws);
      kernels.attentionBackward(
          s,
          HeadView.of(q.value(), s.queries(), 0),
          HeadView.of(k.value(), s.keys(), 0),
          HeadView.of(v.value(), s.keys(), 0),
          saved.outHeads(),
          saved.lse,
          HeadView.of(dy, s.queries(), 0),
          HeadView.of(dq.written, s.queries(), 0),
          HeadView.of(dk.written, s.keys(), 0),
          HeadView.of(dv.written, s.keys(), 0));
      dq.finish(kernels, ws);
      dk.finish(kernels, ws);
      dv.finish(kernels, ws);
    }
  }

  /** The kernel overwrites: an input that is frozen, or already has a gradient, gets scratch. */
  record Gradient(@Nullable Tensor addTo, Tensor written, boolean scratch) {
    static Gradient of(Grads grads, Var input, Workspace ws) {
      if (!input.needsGrad()) return new Gradient(null, ws.take(input.shape()), true);
      Grads.Slot slot = grads.of(input);
      return slot.accumulate()
          ? new Gradient(slot.tensor(), ws.take(input.shape()), true)
          : new Gradient(null, slot.tensor(), false);
    }

    void finish(Kernels k, Workspace ws) {
      if (addTo != null) k.add(addTo, written, addTo);
      if (scratch) ws.release(written);
    }
  }
}
