package dev.outpost.autograd.op;

import static dev.outpost.autograd.op.Attention.expect;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Attention.Gradient;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import java.util.ArrayList;
import java.util.List;

/**
 * Attention over the keys of a sequence and over more keys that stand at no position: every query
 * of every sequence sees them, at any distance (Li & Liang 2021). One softmax spans both: with the
 * parts' results o₁, o₂ and log-sum-exps l₁, l₂ it is {@code l = log(e^l₁ + e^l₂)}, {@code out =
 * e^(l₁−l)·o₁ + e^(l₂−l)·o₂}.
 *
 * <p>Backward: each part's own, given the whole's {@code out} and {@code l}, from which it computes
 * its probabilities; dq is the sum of both, the prefix's gradients are sums over sequences.
 */
public final class PrefixAttention {
  private PrefixAttention() {}

  /**
   * q [B·Tq, H·D]; k, v [B·Tk, Hkv·D]; prefix keys and values [P, Hkv·D], P ≥ 1. The result is
   * [B·Tq, H·D].
   *
   * @throws ShapeException when an input does not fit {@code s}
   */
  public static Var attention(
      Tape t, AttentionShape s, Var q, Var k, Var v, Var prefixKeys, Var prefixValues) {
    int wide = s.kvHeads() * s.headDim();
    int rows = prefixKeys.shape().rows();
    expect("q", q, s.batch() * s.queries(), s.heads() * s.headDim(), s);
    expect("k", k, s.batch() * s.keys(), wide, s);
    expect("v", v, s.batch() * s.keys(), wide, s);
    expect("prefix keys", prefixKeys, rows, wide, s);
    expect("prefix values", prefixValues, rows, wide, s);
    Kernels kernels = t.kernels();
    Tensor out = t.take(s.batch() * s.queries(), s.heads() * s.headDim());
    boolean saves = t.needsGrad(q, k, v, prefixKeys, prefixValues);
    int[] dims = {s.batch(), s.heads(), s.queries()};
    Tensor lse = saves ? t.take(dims) : t.workspace().take(dims);
    HeadView queries = HeadView.of(q.value(), s.queries(), 0);
    HeadView outs = HeadView.of(out, s.queries(), 0);
    HeadView keys = HeadView.of(k.value(), s.keys(), 0);
    kernels.attention(s, queries, keys, HeadView.of(v.value(), s.keys(), 0), outs, lse);
    extend(t, s, queries, prefixKeys.value(), prefixValues.value(), out, lse);
    if (!saves) t.workspace().release(lse);
    List<Tensor> saved = new ArrayList<>(List.of(q.value(), k.value(), v.value(), out, lse));
    if (!prefixKeys.isLeaf()) saved.add(prefixKeys.value());
    if (!prefixValues.isLeaf()) saved.add(prefixValues.value());
    Back back =
        new Back(kernels, t.workspace(), s, q, k, v, prefixKeys, prefixValues, outs, out, lse);
    return t.record("prefixAttention", out, saved, back, q, k, v, prefixKeys, prefixValues);
  }

  /**
   * Makes an attention's result and log-sum-exps those over a prefix's keys too, in place: what a
   * cache of keys and values needs.
   *
   * @param keys [P, Hkv·D]
   * @param values [P, Hkv·D]
   * @param out [B·Tq, H·D]
   * @param lse [B, H, Tq]
   */
  public static void extend(
      Tape t, AttentionShape s, HeadView q, Tensor keys, Tensor values, Tensor out, Tensor lse) {
    Workspace ws = t.workspace();
    Tensor more = ws.take(out.shape());
    Tensor moreLse = ws.take(lse.shape());
    AttentionShape ahead = ahead(s, keys.rows());
    HeadView outs = HeadView.of(more, s.queries(), 0);
    t.kernels().attention(ahead, q, everySequence(keys), everySequence(values), outs, moreLse);
    for (Tensor read : List.of(more, moreLse, out, lse)) t.kernels().memory().fetch(read);
    int rows = s.batch() * s.heads() * s.queries();
    t.kernels()
        .team()
        .forEach(
            s.batch(),
            b -> {
              for (int i = b * (rows / s.batch()); i < (b + 1) * (rows / s.batch()); i++)
                blend(s, i, more, moreLse.get(i), out, lse);
            });
    t.kernels().memory().store(out);
    t.kernels().memory().store(lse);
    ws.release(more);
    ws.release(moreLse);
  }

  /** One query of one head; the prefix has at least one key, so its log-sum-exp is finite. */
  private static void blend(
      AttentionShape s, int i, Tensor more, float moreLse, Tensor out, Tensor lse) {
    double l1 = lse.get(i);
    double max = Math.max(l1, moreLse);
    double w1 = Math.exp(l1 - max);
    double w2 = Math.exp(moreLse - max);
    lse.data()[lse.offset() + i] = (float) (max + Math.log(w1 + w2));
    float f1 = (float) (w1 / (w1 + w2));
    float f2 = (float) (w2 / (w1 + w2));
    int query = i % s.queries();
    int head = i / s.queries() % s.heads();
    int b = i / s.queries() / s.heads();
    int at = ((b * s.queries() + query) * s.heads() + head) * s.headDim();
    for (int d = at; d < at + s.headDim(); d++)
      out.data()[out.offset() + d] =
          f1 * out.data()[out.offset() + d] + f2 * more.data()[more.offset() + d];
  }

  /** The prefix's part: no positions, so neither order, nor window, nor slopes. */
  private static AttentionShape ahead(AttentionShape s, int rows) {
    return new AttentionShape(
        s.batch(),
        s.queries(),
        rows,
        s.heads(),
        s.kvHeads(),
        s.headDim(),
        s.scores().withoutPositions());
  }

  private static HeadView everySequence(Tensor rows) {
    return new HeadView(rows.data(), rows.offset(), 0, rows.cols());
  }

  private record Back(
      Kernels kernels,
      Workspace ws,
      AttentionShape shape,
      Var q,
      Var k,
      Var v,
      Var prefixKeys,
      Var prefixValues,
      HeadView outs,
      Tensor out,
      Tensor lse)
      implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      HeadView queries = HeadView.of(q.value(), shape.queries(), 0);
      HeadView dout = HeadView.of(dy, shape.queries(), 0);
      Gradient dq = Gradient.of(grads, q, ws);
      Gradient dk = Gradient.of(grads, k, ws);
      Gradient dv = Gradient.of(grads, v, ws);
      kernels.attentionBackward(
          shape,
          queries,
          HeadView.of(k.value(), shape.keys(), 0),
          HeadView.of(v.value(), shape.keys(), 0),
          outs,
          lse,
          dout,
          HeadView.of(dq.written(), shape.queries(), 0),
          HeadView.of(dk.written(), shape.keys(), 0),
          HeadView.of(dv.written(), shape.keys(), 0));
      dk.finish(kernels, ws);
      dv.finish(kernels, ws);
      ofPrefix(grads, queries, dout, dq.written());
      dq.finish(kernels, ws);
    }

    private void ofPrefix(Grads grads, HeadView queries, HeadView dout, Tensor dq) {
      int rows = prefixKeys.shape().rows();
      Tensor more = ws.take(q.shape());
      Tensor dk = ws.take(shape.batch(), prefixKeys.shape().size());
      Tensor dv = ws.take(shape.batch(), prefixKeys.shape().size());
      int wide = prefixKeys.shape().cols();
      kernels.attentionBackward(
          ahead(shape, rows),
          queries,
          everySequence(prefixKeys.value()),
          everySequence(prefixValues.value()),
          outs,
          lse,
          dout,
          HeadView.of(more, shape.queries(), 0),
          new HeadView(dk.data(), dk.offset(), rows * wide, wide),
          new HeadView(dv.data(), dv.offset(), rows * wide, wide));
      kernels.add(dq, more, dq);
      sum(dk, prefixKeys, grads);
      sum(dv, prefixValues, grads);
      ws.release(more);
      ws.release(dk);
      ws.release(dv);
    }

    private void sum(Tensor each, Var of, Grads grads) {
      if (!of.needsGrad()) return;
      Grads.Slot slot = grads.of(of);
      kernels.sumRows(each, slot.tensor().reshape(each.cols()), slot.accumulate());
    }
  }
}
