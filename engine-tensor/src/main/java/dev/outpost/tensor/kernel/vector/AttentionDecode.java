package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.VL;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.kernel.UnaryMap;
import java.util.Arrays;

/**
 * Attention of few queries, as when a text is written token by token: reading the cached keys and
 * values is all the cost, so they are read in place, once for the query heads that share them.
 */
final class AttentionDecode {
  private static final int KEYS = 256;

  private final Team team;
  private final Scratch scratch;

  AttentionDecode(Team team, Scratch scratch) {
    this.team = team;
    this.scratch = scratch;
  }

  void run(AttentionShape s, HeadView q, HeadView k, HeadView v, HeadView out, Tensor lse) {
    long work = (long) s.batch() * s.heads() * s.queries() * s.keys() * s.headDim();
    Split.tasks(
        team,
        work,
        s.batch() * s.kvHeads(),
        t -> keyHead(s, t / s.kvHeads(), t % s.kvHeads(), q, k, v, out, lse));
  }

  private void keyHead(
      AttentionShape s,
      int b,
      int kh,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse) {
    int dim = s.headDim();
    int group = s.heads() / s.kvHeads();
    int rows = group * s.queries();
    int base = s.firstKey(0);
    int end = s.endKey(b, s.queries() - 1);
    int ld = s.keys() + VL;
    int atQ = rows * ld;
    float[] w = scratch.take(atQ + rows * dim);
    for (int r = 0; r < rows; r++)
      System.arraycopy(
          q.data(),
          q.at(b, r % s.queries(), kh * group + r / s.queries(), dim),
          w,
          atQ + r * dim,
          dim);
    float cap = s.scores().softcap();
    RowKernels.scale(w, atQ, rows * dim, s.scores().scale() / (cap == 0 ? 1 : cap));
    int kAt = k.at(b, 0, kh, dim);
    for (int j = base; j < end; j += KEYS)
      for (int r = 0; r < rows; r++) {
        int t = r % s.queries();
        int from = Math.max(j, s.firstKey(t));
        int to = Math.min(j + KEYS, s.endKey(b, t));
        scores(w, r * ld, atQ + r * dim, k.data(), kAt, k.rowStride(), dim, from, to);
      }
    for (int r = 0; r < rows; r++) {
      int t = r % s.queries();
      int h = kh * group + r / s.queries();
      int from = s.firstKey(t);
      int n = Math.max(0, s.endKey(b, t) - from);
      bend(s, h, t, w, r * ld + from, from, n);
      int atLse = lse.offset() + (b * s.heads() + h) * s.queries() + t;
      lse.data()[atLse] = softmax(w, r * ld + from, n);
      int at = out.at(b, t, h, dim);
      Arrays.fill(out.data(), at, at + dim, 0);
    }
    int vAt = v.at(b, 0, kh, dim);
    for (int j = base; j < end; j += KEYS)
      for (int r = 0; r < rows; r++) {
        int t = r % s.queries();
        int from = Math.max(j, s.firstKey(t));
        int to = Math.min(j + KEYS, s.endKey(b, t));
        int at = out.at(b, t, kh * group + r / s.queries(), dim);
        mix(w, r * ld, v.data(), vAt, v.rowStride(), dim, from, to, out.data(), at);
      }
    scratch.give(w);
  }

  private static void scores(
      float[] w, int at, int atQ, float[] k, int kAt, int ld, int dim, int from, int to) {
    int j = from;
    for (; j + 4 <= to; j += 4) ThinGemm.dot4(w, atQ, k, kAt + j * ld, ld, dim, w, at + j);
    for (; j < to; j++) w[at + j] = ThinGemm.dot(w, atQ, k, kAt + j * ld, dim);
  }

  private static void mix(
      float[] w,
      int at,
      float[] v,
      int vAt,
      int ld,
      int dim,
      int from,
      int to,
      float[] out,
      int atOut) {
    int j = from;
    for (; j + 4 <= to; j += 4) ThinGemm.axpy4(w, at + j, v, vAt + j * ld, ld, dim, out, atOut);
    for (; j < to; j++) ThinGemm.axpy(w[at + j], v, vAt + j * ld, dim, out, atOut);
  }

  /** Caps n scores, which are in units of the cap, and adds what grows with the distance. */
  private static void bend(AttentionShape s, int h, int t, float[] w, int at, int key, int n) {
    float cap = s.scores().softcap();
    if (cap != 0) {
      // Whole vectors: what lies between two rows is nobody's.
      MapKernels.map(UnaryMap.TANH, w, at, w, at, Lanes.bound(n + VL - 1));
      RowKernels.scale(w, at, n, cap);
    }
    float[] slopes = s.scores().slopes();
    if (slopes == null) return;
    int distance = key - s.position(t);
    for (int i = 0; i < n; i++) w[at + i] += slopes[h] * (distance + i);
  }

  /** Softmax of n scores; returns log Σ exp. */
  private static float softmax(float[] x, int at, int n) {
    if (n == 0) return Float.NEGATIVE_INFINITY;
    float max = RowKernels.max(x, at, n);
    double sum = RowKernels.exp(x, at, n, max, x, at);
    RowKernels.scale(x, at, n, (float) (1 / sum));
    return (float) (max + Math.log(sum));
  }
}
