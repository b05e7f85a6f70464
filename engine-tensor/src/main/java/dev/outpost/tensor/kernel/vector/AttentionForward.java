package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.AttentionStep.EXP;
import static dev.outpost.tensor.kernel.vector.AttentionStep.HIDE_KEYS;
import static dev.outpost.tensor.kernel.vector.AttentionStep.MAX;
import static dev.outpost.tensor.kernel.vector.AttentionStep.SCALE;
import static dev.outpost.tensor.kernel.vector.AttentionStep.apply;
import static dev.outpost.tensor.kernel.vector.AttentionTile.NR;
import static dev.outpost.tensor.kernel.vector.AttentionTile.up;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Team;
import java.util.Arrays;

/**
 * Attention with a running softmax (Milakov & Gimelshein 2018, Dao et al. 2022), one query per
 * lane: a block of NR queries meets the keys KEYS at a time. Scores are computed transposed, [key,
 * query], so that a softmax needs no sum across lanes and no ragged end, and its result is, where
 * it lies, the right operand of {@code outᵀ = vᵀ pᵀ}.
 */
final class AttentionForward {
  /** Keys per block: with NR queries, scores that stay in the first-level cache. */
  private static final int KEYS = 128;

  /** Up to so many queries, keys are read in place. */
  private static final int FEW = 8;

  /** Tasks per thread that keep all busy to the end although late queries see more keys. */
  private static final int SHARE = 4;

  private final Team team;
  private final Scratch scratch;
  private final AttentionDecode decode;

  AttentionForward(Team team, Scratch scratch) {
    this.team = team;
    this.scratch = scratch;
    this.decode = new AttentionDecode(team, scratch);
  }

  void run(AttentionShape s, HeadView q, HeadView k, HeadView v, HeadView out, Tensor lse) {
    if (s.queries() <= FEW) {
      decode.run(s, q, k, v, out, lse);
      return;
    }
    int heads = s.batch() * s.heads();
    int blocks = (s.queries() + NR - 1) / NR;
    // Blocks of queries are independent: how many share a task changes speed, never a bit.
    int tasks = team.threads() == 1 ? 1 : (SHARE * team.threads() + heads - 1) / heads;
    int chunk = (blocks + tasks - 1) / tasks * NR;
    int chunks = (s.queries() + chunk - 1) / chunk;
    Split.tasks(
        team,
        (long) heads * s.queries() * s.keys() * s.headDim() / 16,
        heads * chunks,
        t -> {
          int from = (chunks - 1 - t % chunks) * chunk;
          chunk(s, t / chunks, from, Math.min(s.queries(), from + chunk), q, k, v, out, lse);
        });
  }

  /** Keys that query t sees. */
  static int seen(AttentionShape s, int t) {
    return s.scores().causal() ? t + 1 + s.keys() - s.queries() : s.keys();
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
    int atV = up(keys) * dim;
    // Columns that only fill the last tile read past their row.
    int atQ = atV + up(keys) * dim + VL;
    int atS = atQ + NR * dim;
    int atO = atS + KEYS * NR;
    int atMax = atO + up(dim) * NR;
    int atSum = atMax + NR;
    int atSeen = atSum + NR;
    int atShrink = atSeen + NR;
    int atUnused = atShrink + NR;
    float[] w = scratch.take(atUnused + NR);
    AttentionTile.copyRows(k.data(), k.at(b, 0, kh, dim), k.rowStride(), keys, dim, w, 0);
    int vAt = v.at(b, 0, kh, dim);
    AttentionTile.copyRows(v.data(), vAt, v.rowStride(), keys, dim, w, atV);
    for (int t = from; t < to; t += NR) {
      int m = Math.min(NR, to - t);
      Packing.heap(q.data(), q.at(b, t, h, dim), q.rowStride(), 1, m, dim, NR, w, atQ);
      RowKernels.scale(w, atQ, NR * dim, s.scores().scale());
      for (int i = 0; i < NR; i++) w[atSeen + i] = seen(s, Math.min(t + i, to - 1));
      Arrays.fill(w, atMax, atMax + NR, Float.NEGATIVE_INFINITY);
      Arrays.fill(w, atSum, atSum + NR, 0);
      int n = seen(s, t + m - 1);
      if (n == 0) Arrays.fill(w, atO, atO + dim * NR, 0);
      for (int j = 0; j < n; j += KEYS) {
        int block = Math.min(KEYS, n - j);
        AttentionTile.rows(up(block), dim, w, j * dim, dim, atQ, atS, NR, false);
        if (j + block > seen(s, t)) apply(HIDE_KEYS, w, atS, block, atSeen, j, 0);
        System.arraycopy(w, atMax, w, atShrink, NR);
        apply(MAX, w, atS, block, atMax, 0, 0);
        // Old maxima become the factors e^(old − max), which the sums take at once.
        apply(EXP, w, atShrink, 1, atMax, atUnused, 0);
        apply(SCALE, w, atSum, 1, atShrink, 0, 0);
        apply(EXP, w, atS, block, atMax, atSum, 0);
        if (j > 0) apply(SCALE, w, atO, dim, atShrink, 0, 0);
        AttentionTile.columns(up(dim), block, w, atV + j * dim, dim, atS, atO, j > 0);
      }
      for (int i = 0; i < NR; i++) w[atShrink + i] = n == 0 ? 0 : 1 / w[atSum + i];
      apply(SCALE, w, atO, dim, atShrink, 0, 0);
      AttentionTile.transposed(w, atO, m, dim, out.data(), out.at(b, t, h, dim), out.rowStride());
      int atLse = lse.offset() + head * s.queries() + t;
      for (int i = 0; i < m; i++)
        lse.data()[atLse + i] = (float) (w[atMax + i] + Math.log(w[atSum + i]));
    }
    scratch.give(w);
  }
}
