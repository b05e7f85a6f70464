package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.AttentionForward.BLOCK;
import static dev.outpost.tensor.kernel.vector.AttentionForward.seen;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.load;
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
 * The derivative of attention, one key head per task. The probabilities are computed anew from the
 * kept log-sums (Dao et al. 2022, algorithm 4): {@code p = exp(s − lse)}, {@code ds = p ⊙ (dout vᵀ
 * − dout·out)·scale}, {@code dv = pᵀ dout}, {@code dk = dsᵀ q}, {@code dq = ds k}. The query heads
 * that share a key head add to dk and dv in order.
 */
final class AttentionBackward {
  private final Team team;
  private final Scratch scratch;

  AttentionBackward(Team team, Scratch scratch) {
    this.team = team;
    this.scratch = scratch;
  }

  void run(
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
    long work = (long) s.batch() * s.heads() * s.queries() * s.keys() * s.headDim() / 16;
    Split.tasks(
        team,
        work,
        s.batch() * s.kvHeads(),
        t -> keyHead(s, t / s.kvHeads(), t % s.kvHeads(), q, k, v, out, lse, dout, dq, dk, dv));
  }

  private void keyHead(
      AttentionShape s,
      int b,
      int kh,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse,
      HeadView dout,
      HeadView dq,
      HeadView dk,
      HeadView dv) {
    int dim = s.headDim();
    int keys = s.keys();
    int group = s.heads() / s.kvHeads();
    int ld = up(keys, NR);
    int wide = up(dim, NR);
    int tile = Scratch.ALIGN;
    int atKt = tile + MR * NR;
    int atVt = atKt + ld * dim;
    int atK = atVt + ld * dim;
    int atA = atK + wide * keys;
    int atB = atA + Math.max(up(BLOCK, MR) * Math.max(dim, keys), up(keys, MR) * BLOCK) + VL;
    int atP = atB + wide * BLOCK;
    int atD = atP + BLOCK * ld;
    float[] w = scratch.take(atD + BLOCK * ld);
    int keyRow = k.at(b, 0, kh, dim);
    Packing.heap(k.data(), keyRow, k.rowStride(), 1, keys, dim, NR, w, atKt);
    Packing.heap(k.data(), keyRow, 1, k.rowStride(), dim, keys, NR, w, atK);
    Packing.heap(v.data(), v.at(b, 0, kh, dim), v.rowStride(), 1, keys, dim, NR, w, atVt);
    int dkRow = dk.at(b, 0, kh, dim);
    int dvRow = dv.at(b, 0, kh, dim);
    clear(dk, dkRow, keys, dim);
    clear(dv, dvRow, keys, dim);
    for (int h = kh * group; h < (kh + 1) * group; h++)
      for (int t = 0; t < s.queries(); t += BLOCK) {
        int m = Math.min(BLOCK, s.queries() - t);
        int n = seen(s, t + m - 1);
        int qAt = q.at(b, t, h, dim);
        int doutAt = dout.at(b, t, h, dim);
        // p = exp(scale·q kᵀ − lse)
        Packing.heap(q.data(), qAt, q.rowStride(), 1, m, dim, MR, w, atA);
        RowKernels.scale(w, atA, up(m, MR) * dim, s.scale());
        block(m, n, dim, w, atA, w, atKt, dim, w, atP, ld, false, w, tile);
        // ds = p ⊙ (dout vᵀ − dout·out)·scale
        Packing.heap(dout.data(), doutAt, dout.rowStride(), 1, m, dim, MR, w, atA);
        block(m, n, dim, w, atA, w, atVt, dim, w, atD, ld, false, w, tile);
        for (int i = 0; i < m; i++) {
          int visible = seen(s, t + i);
          float logSum = lse.get((b * s.heads() + h) * s.queries() + t + i);
          int oAt = out.at(b, t + i, h, dim);
          float delta =
              ThinGemm.dot(dout.data(), doutAt + i * dout.rowStride(), out.data(), oAt, dim);
          RowKernels.exp(w, atP + i * ld, visible, 1, logSum, w, atP + i * ld);
          scoreGradient(w, atP + i * ld, atD + i * ld, visible, delta, s.scale());
          Arrays.fill(w, atP + i * ld + visible, atP + i * ld + n, 0);
          Arrays.fill(w, atD + i * ld + visible, atD + i * ld + n, 0);
        }
        // dv += pᵀ dout
        Packing.heap(w, atP, 1, ld, n, m, MR, w, atA);
        Packing.heap(dout.data(), doutAt, 1, dout.rowStride(), dim, m, NR, w, atB);
        block(n, dim, m, w, atA, w, atB, m, dv.data(), dvRow, dv.rowStride(), true, w, tile);
        // dk += dsᵀ q
        Packing.heap(w, atD, 1, ld, n, m, MR, w, atA);
        Packing.heap(q.data(), qAt, 1, q.rowStride(), dim, m, NR, w, atB);
        block(n, dim, m, w, atA, w, atB, m, dk.data(), dkRow, dk.rowStride(), true, w, tile);
        // dq = ds k
        Packing.heap(w, atD, ld, 1, m, n, MR, w, atA);
        int dqAt = dq.at(b, t, h, dim);
        block(m, dim, n, w, atA, w, atK, keys, dq.data(), dqAt, dq.rowStride(), false, w, tile);
      }
    scratch.give(w);
  }

  /** {@code dp = p·(dp − delta)·scale}. */
  private static void scoreGradient(float[] w, int p, int dp, int n, float delta, float scale) {
    int j = 0;
    for (; j < Lanes.bound(n); j += VL)
      load(w, dp + j).sub(delta).mul(load(w, p + j)).mul(scale).intoArray(w, dp + j);
    for (; j < n; j++) w[dp + j] = (w[dp + j] - delta) * w[p + j] * scale;
  }

  private static void clear(HeadView x, int at, int rows, int dim) {
    for (int r = 0; r < rows; r++, at += x.rowStride()) Arrays.fill(x.data(), at, at + dim, 0);
  }
}
