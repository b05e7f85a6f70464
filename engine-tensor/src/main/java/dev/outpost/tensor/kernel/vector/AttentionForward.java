package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.AttentionStep.BIAS;
import static dev.outpost.tensor.kernel.vector.AttentionStep.CAP;
import static dev.outpost.tensor.kernel.vector.AttentionStep.EXP;
import static dev.outpost.tensor.kernel.vector.AttentionStep.HIDE_ABOVE;
import static dev.outpost.tensor.kernel.vector.AttentionStep.HIDE_BELOW;
import static dev.outpost.tensor.kernel.vector.AttentionStep.MAX;
import static dev.outpost.tensor.kernel.vector.AttentionStep.SCALE;
import static dev.outpost.tensor.kernel.vector.AttentionStep.apply;
import static dev.outpost.tensor.kernel.vector.AttentionTile.NR;
import static dev.outpost.tensor.kernel.vector.AttentionTile.up;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionScores;
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
    int base = s.firstKey(from);
    int keys = Math.max(0, s.endKey(b, to - 1) - base);
    int atV = up(keys) * dim;
    // Columns that only fill the last tile read past their row.
    int atQ = atV + up(keys) * dim + VL;
    int atS = atQ + NR * dim;
    int atO = atS + KEYS * NR;
    int atMax = atO + up(dim) * NR;
    int atSum = atMax + NR;
    int atShrink = atSum + NR;
    int atUnused = atShrink + NR;
    int atCap = atUnused + NR;
    int atSlope = atCap + 1;
    float[] w = scratch.take(atSlope + 1);
    AttentionScores scores = s.scores();
    float[] slopes = scores.slopes();
    w[atCap] = scores.softcap();
    w[atSlope] = slopes == null ? 0 : slopes[h];
    AttentionTile.copyRows(k.data(), k.at(b, base, kh, dim), k.rowStride(), keys, dim, w, 0);
    int vAt = v.at(b, base, kh, dim);
    AttentionTile.copyRows(v.data(), vAt, v.rowStride(), keys, dim, w, atV);
    for (int t = from; t < to; t += NR) {
      int m = Math.min(NR, to - t);
      Packing.heap(q.data(), q.at(b, t, h, dim), q.rowStride(), 1, m, dim, NR, w, atQ);
      RowKernels.scale(w, atQ, NR * dim, scores.scale());
      // Finite, so that a query without keys in a block gives e^−∞ = 0, not a difference of two −∞.
      Arrays.fill(w, atMax, atMax + NR, -Float.MAX_VALUE);
      Arrays.fill(w, atSum, atSum + NR, 0);
      int first = s.firstKey(t);
      int end = s.endKey(b, t + m - 1);
      int position = s.position(t);
      if (first >= end) Arrays.fill(w, atO, atO + dim * NR, 0);
      for (int j = first; j < end; j += KEYS) {
        int block = Math.min(KEYS, end - j);
        int at = (j - base) * dim;
        AttentionTile.rows(up(block), dim, w, at, dim, atQ, atS, NR, false);
        if (scores.softcap() != 0) apply(CAP, w, atS, block, atCap, 0, 0);
        if (slopes != null) apply(BIAS, w, atS, block, atSlope, j - position, 0);
        if (j + block > s.endKey(b, t))
          apply(HIDE_ABOVE, w, atS, block, 0, position - j + scores.ahead(), 0);
        if (j < s.firstKey(t + m - 1))
          apply(HIDE_BELOW, w, atS, block, 0, position - j - scores.behind(), 0);
        System.arraycopy(w, atMax, w, atShrink, NR);
        apply(MAX, w, atS, block, atMax, 0, 0);
        // Old maxima become the factors e^(old − max), which the sums take at once.
        apply(EXP, w, atShrink, 1, atMax, atUnused, 0);
        apply(SCALE, w, atSum, 1, atShrink, 0, 0);
        apply(EXP, w, atS, block, atMax, atSum, 0);
        if (j > first) apply(SCALE, w, atO, dim, atShrink, 0, 0);
        AttentionTile.columns(up(dim), block, w, atV + at, dim, atS, atO, j > first);
      }
      for (int i = 0; i < NR; i++) w[atShrink + i] = w[atSum + i] == 0 ? 0 : 1 / w[atSum + i];
      apply(SCALE, w, atO, dim, atShrink, 0, 0);
      AttentionTile.transposed(w, atO, m, dim, out.data(), out.at(b, t, h, dim), out.rowStride());
      int atLse = lse.offset() + head * s.queries() + t;
      for (int i = 0; i < m; i++)
        lse.data()[atLse + i] = (float) (w[atMax + i] + Math.log(w[atSum + i]));
    }
    scratch.give(w);
  }
}
