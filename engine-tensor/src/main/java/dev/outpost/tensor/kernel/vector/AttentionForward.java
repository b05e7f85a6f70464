package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.PackedGemm.MR;
import static dev.outpost.tensor.kernel.vector.PackedGemm.NR;
import static dev.outpost.tensor.kernel.vector.PackedGemm.block;
import static dev.outpost.tensor.kernel.vector.PackedGemm.up;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Team;
import java.util.Arrays;

/**
 * Attention as matrix products of one head at a time: keys and values are packed once, then a block
 * of queries meets all the keys it may see. The scores of a block stay in the second-level cache.
 */
final class AttentionForward {
  /** Queries per block of scores. */
  static final int BLOCK = 48;

  /** Queries per task; a sequence may be shared by several threads. */
  private static final int CHUNK = 240;

  /** Up to so many queries, keys are read in place. */
  private static final int FEW = 4;

  private final Team team;
  private final Scratch scratch;

  AttentionForward(Team team, Scratch scratch) {
    this.team = team;
    this.scratch = scratch;
  }

  void run(AttentionShape s, HeadView q, HeadView k, HeadView v, HeadView out, Tensor lse) {
    int heads = s.batch() * s.heads();
    long work = (long) heads * s.queries() * s.keys() * s.headDim() / 16;
    if (s.queries() <= FEW) {
      Split.tasks(team, 16 * work, heads, t -> few(s, t, q, k, v, out, lse));
      return;
    }
    int chunks = (s.queries() + CHUNK - 1) / CHUNK;
    Split.tasks(
        team,
        work,
        heads * chunks,
        t -> {
          int from = t % chunks * CHUNK;
          chunk(s, t / chunks, from, Math.min(s.queries(), from + CHUNK), q, k, v, out, lse);
        });
  }

  /** Keys that query t sees. */
  static int seen(AttentionShape s, int t) {
    return s.causal() ? t + 1 + s.keys() - s.queries() : s.keys();
  }

  private void chunk(
      AttentionShape s,
      int head,
      int from,
      int to,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse) {
    int b = head / s.heads();
    int h = head % s.heads();
    int kh = h / (s.heads() / s.kvHeads());
    int dim = s.headDim();
    int keys = seen(s, to - 1);
    int ld = up(keys, NR);
    int tile = Scratch.ALIGN;
    int atK = tile + MR * NR;
    int atV = atK + ld * dim;
    int atQ = atV + up(dim, NR) * keys;
    int atS = atQ + up(BLOCK, MR) * dim;
    int atP = atS + BLOCK * ld;
    float[] w = scratch.take(atP + up(BLOCK, MR) * keys + Lanes.VL);
    Packing.heap(k.data(), k.at(b, 0, kh, dim), k.rowStride(), 1, keys, dim, NR, w, atK);
    Packing.heap(v.data(), v.at(b, 0, kh, dim), 1, v.rowStride(), dim, keys, NR, w, atV);
    int atLse = lse.offset() + head * s.queries();
    for (int t = from; t < to; t += BLOCK) {
      int m = Math.min(BLOCK, to - t);
      int n = seen(s, t + m - 1);
      int at = out.at(b, t, h, dim);
      Packing.heap(q.data(), q.at(b, t, h, dim), q.rowStride(), 1, m, dim, MR, w, atQ);
      RowKernels.scale(w, atQ, up(m, MR) * dim, s.scale());
      block(m, n, dim, w, atQ, w, atK, dim, w, atS, ld, false, w, tile);
      for (int i = 0; i < m; i++)
        lse.data()[atLse + t + i] = softmax(w, atS + i * ld, seen(s, t + i), n);
      Packing.heap(w, atS, ld, 1, m, n, MR, w, atP);
      block(m, dim, n, w, atP, w, atV, keys, out.data(), at, out.rowStride(), false, w, tile);
    }
    scratch.give(w);
  }

  /** Softmax of the first {@code seen} scores, zero up to {@code n}; returns log Σ exp. */
  private static float softmax(float[] x, int at, int seen, int n) {
    Arrays.fill(x, at + seen, at + n, 0);
    if (seen == 0) return Float.NEGATIVE_INFINITY;
    float max = RowKernels.max(x, at, seen);
    double sum = RowKernels.exp(x, at, seen, 1, max, x, at);
    RowKernels.scale(x, at, seen, (float) (1 / sum));
    return (float) (max + Math.log(sum));
  }

  /** Decoding: reading the cached keys and values is all the cost, so they are not packed. */
  private void few(
      AttentionShape s, int head, HeadView q, HeadView k, HeadView v, HeadView out, Tensor lse) {
    int b = head / s.heads();
    int h = head % s.heads();
    int kh = h / (s.heads() / s.kvHeads());
    int dim = s.headDim();
    int ldK = k.rowStride();
    int ldV = v.rowStride();
    float[] w = scratch.take(s.keys() + 4 + dim);
    int atQ = s.keys() + 4;
    for (int t = 0; t < s.queries(); t++) {
      int n = seen(s, t);
      int atK = k.at(b, 0, kh, dim);
      int atV = v.at(b, 0, kh, dim);
      int at = out.at(b, t, h, dim);
      System.arraycopy(q.data(), q.at(b, t, h, dim), w, atQ, dim);
      RowKernels.scale(w, atQ, dim, s.scale());
      int j = 0;
      for (; j + 4 <= n; j += 4) ThinGemm.dot4(w, atQ, k.data(), atK + j * ldK, ldK, dim, w, j);
      for (; j < n; j++) w[j] = ThinGemm.dot(w, atQ, k.data(), atK + j * ldK, dim);
      lse.data()[lse.offset() + head * s.queries() + t] = softmax(w, 0, n, n);
      Arrays.fill(out.data(), at, at + dim, 0);
      for (j = 0; j + 4 <= n; j += 4)
        ThinGemm.axpy4(w, j, v.data(), atV + j * ldV, ldV, dim, out.data(), at);
      for (; j < n; j++) ThinGemm.axpy(w[j], v.data(), atV + j * ldV, dim, out.data(), at);
    }
    scratch.give(w);
  }
}
