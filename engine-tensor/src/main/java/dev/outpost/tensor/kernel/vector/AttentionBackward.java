package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.AttentionStep.BIAS;
import static dev.outpost.tensor.kernel.vector.AttentionStep.CAP_SLOPE;
import static dev.outpost.tensor.kernel.vector.AttentionStep.GRADIENT;
import static dev.outpost.tensor.kernel.vector.AttentionStep.HIDE_ABOVE;
import static dev.outpost.tensor.kernel.vector.AttentionStep.HIDE_BELOW;
import static dev.outpost.tensor.kernel.vector.AttentionStep.HIDE_LANES;
import static dev.outpost.tensor.kernel.vector.AttentionStep.MULTIPLY;
import static dev.outpost.tensor.kernel.vector.AttentionStep.apply;
import static dev.outpost.tensor.kernel.vector.AttentionTile.MR;
import static dev.outpost.tensor.kernel.vector.AttentionTile.NR;
import static dev.outpost.tensor.kernel.vector.AttentionTile.up;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Team;
import java.util.Arrays;

/**
 * The derivative of attention, one key head per task. The probabilities are computed anew from the
 * kept log-sums (Dao et al. 2022, algorithm 4): {@code p = exp(s − lse)}, {@code ds = p ⊙ (dout vᵀ
 * − dout·out)·scale}, {@code dv = pᵀ dout}, {@code dk = dsᵀ q}, {@code dq = ds k}. A strip of NR
 * keys, one per lane, meets the queries that see it; p and ds are used where they lie, as right
 * operands of dvᵀ and dkᵀ and as left operand of dq. The query heads that share a key head add to
 * dk and dv in order.
 */
final class AttentionBackward {
  /** Queries per block. */
  private static final int QUERIES = 128;

  private final Team team;
  private final Scratch scratch;

  AttentionBackward(Team team, Scratch scratch) {
    this.team = team;
    this.scratch = scratch;
  }

  /** Where things lie in a task's scratch. */
  private record Plan(int queries, int keys, int dim) {
    /** Strips of NR keys. */
    int strips() {
      return (keys + NR - 1) / NR;
    }

    int rows() {
      return up(queries);
    }

    /** Columns of dq's rows. */
    int wide() {
      return (dim + NR - 1) / NR * NR;
    }

    /** kᵀ by strips, [dim, NR] each. */
    int kt() {
      return 0;
    }

    int vt() {
      return kt() + strips() * NR * dim;
    }

    /** k in panels of NR columns, [keys, NR] each. */
    int k() {
      return vt() + strips() * NR * dim;
    }

    /** dkᵀ by strips, [dim, NR] each. */
    int dkt() {
      return k() + wide() * strips() * NR + VL;
    }

    int dvt() {
      return dkt() + strips() * NR * up(dim);
    }

    /** Scaled queries row by row. */
    int q() {
      return dvt() + strips() * NR * up(dim);
    }

    int dout() {
      return q() + rows() * dim;
    }

    /** Columns that only fill the last tile read past their row. */
    int dq() {
      return dout() + rows() * dim + VL;
    }

    int lse() {
      return dq() + rows() * wide();
    }

    int delta() {
      return lse() + rows();
    }

    int p() {
      return delta() + rows();
    }

    int ds() {
      return p() + QUERIES * NR;
    }

    /** The caps' derivatives. */
    int slopes() {
      return ds() + QUERIES * NR;
    }

    int cap() {
      return slopes() + QUERIES * NR;
    }

    /** What a key's distance takes off, negative: rows are queries here. */
    int bias() {
      return cap() + 1;
    }

    int size() {
      return bias() + 1;
    }
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
    Plan plan = new Plan(s.queries(), s.keys(), s.headDim());
    Split.tasks(
        team,
        work,
        s.batch() * s.kvHeads(),
        t -> {
          int b = t / s.kvHeads();
          int kh = t % s.kvHeads();
          int group = s.heads() / s.kvHeads();
          float[] w = scratch.take(plan.size());
          keys(plan, b, kh, k, v, w);
          for (int h = kh * group; h < (kh + 1) * group; h++) {
            queries(s, plan, b, h, q, out, lse, dout, w);
            for (int strip = 0; strip < plan.strips(); strip++)
              strip(s, plan, b, strip, h == kh * group, w);
            write(plan, b, h, s.scores().scale(), w, dq);
          }
          write(plan, plan.dkt(), b, kh, w, dk);
          write(plan, plan.dvt(), b, kh, w, dv);
          scratch.give(w);
        });
  }

  private static void keys(Plan p, int b, int kh, HeadView k, HeadView v, float[] w) {
    int dim = p.dim;
    int kAt = k.at(b, 0, kh, dim);
    int vAt = v.at(b, 0, kh, dim);
    Packing.heap(k.data(), kAt, k.rowStride(), 1, p.keys, dim, NR, w, p.kt());
    Packing.heap(v.data(), vAt, v.rowStride(), 1, p.keys, dim, NR, w, p.vt());
    int depth = p.strips() * NR;
    for (int d = 0; d < dim; d += NR) {
      int n = Math.min(NR, dim - d);
      int at = p.k() + d * depth;
      for (int j = 0; j < p.keys; j++) {
        System.arraycopy(k.data(), kAt + j * k.rowStride() + d, w, at + j * NR, n);
        Arrays.fill(w, at + j * NR + n, at + (j + 1) * NR, 0);
      }
      Arrays.fill(w, at + p.keys * NR, at + depth * NR, 0);
    }
  }

  private static void queries(
      AttentionShape s,
      Plan p,
      int b,
      int h,
      HeadView q,
      HeadView out,
      Tensor lse,
      HeadView dout,
      float[] w) {
    int dim = p.dim;
    int n = p.queries;
    AttentionTile.copyRows(q.data(), q.at(b, 0, h, dim), q.rowStride(), n, dim, w, p.q());
    RowKernels.scale(w, p.q(), n * dim, s.scores().scale());
    AttentionTile.copyRows(
        dout.data(), dout.at(b, 0, h, dim), dout.rowStride(), n, dim, w, p.dout());
    int atLse = lse.offset() + (b * s.heads() + h) * n;
    System.arraycopy(lse.data(), atLse, w, p.lse(), n);
    for (int t = 0; t < n; t++) {
      int oAt = out.at(b, t, h, dim);
      w[p.delta() + t] = ThinGemm.dot(w, p.dout() + t * dim, out.data(), oAt, dim);
      // A query that saw no key.
      if (w[p.lse() + t] == Float.NEGATIVE_INFINITY) w[p.lse() + t] = Float.POSITIVE_INFINITY;
    }
    w[p.cap()] = s.scores().softcap();
    float[] slopes = s.scores().slopes();
    w[p.bias()] = slopes == null ? 0 : -slopes[h];
    // Rows that only fill the last tile: p = exp(0 − ∞) = 0.
    Arrays.fill(w, p.lse() + n, p.lse() + p.rows(), Float.POSITIVE_INFINITY);
    Arrays.fill(w, p.delta() + n, p.delta() + p.rows(), 0);
    Arrays.fill(w, p.dq(), p.dq() + p.rows() * p.wide(), 0);
  }

  private static void strip(AttentionShape s, Plan p, int b, int strip, boolean first, float[] w) {
    int dim = p.dim;
    int key = strip * NR;
    // The queries that see one of the strip's keys, in whole tiles.
    int origin = s.position(0);
    long from = Math.max(0, (long) key - origin - s.scores().ahead()) / MR * MR;
    int seen = Math.clamp((long) key + NR - origin + s.scores().behind(), 0, p.queries);
    int to = key < s.length(b) ? up(seen) : 0;
    int kt = p.kt() + key * dim;
    int vt = p.vt() + key * dim;
    int dkt = p.dkt() + key * up(dim);
    int dvt = p.dvt() + key * up(dim);
    int depth = p.strips() * NR;
    boolean add = !first;
    if (first && from >= to) {
      Arrays.fill(w, dkt, dkt + NR * up(dim), 0);
      Arrays.fill(w, dvt, dvt + NR * up(dim), 0);
    }
    for (int t = (int) Math.min(from, to); t < to; t += QUERIES) {
      int m = Math.min(QUERIES, to - t);
      AttentionTile.rows(m, dim, w, p.q() + t * dim, dim, kt, p.p(), NR, false);
      AttentionTile.rows(m, dim, w, p.dout() + t * dim, dim, vt, p.ds(), NR, false);
      boolean capped = s.scores().softcap() != 0;
      if (capped) apply(CAP_SLOPE, w, p.p(), m, p.cap(), p.slopes(), 0);
      int distance = s.position(t) - key;
      if (s.scores().slopes() != null) apply(BIAS, w, p.p(), m, p.bias(), distance, 0);
      hide(s, p, distance, m, s.length(b) - key, w);
      apply(GRADIENT, w, p.p(), m, p.ds(), p.lse() + t, p.delta() + t);
      if (capped) apply(MULTIPLY, w, p.ds(), m, p.slopes(), 0, 0);
      AttentionTile.columns(up(dim), m, w, p.dout() + t * dim, dim, p.p(), dvt, add);
      AttentionTile.columns(up(dim), m, w, p.q() + t * dim, dim, p.ds(), dkt, add);
      add = true;
      for (int d = 0; d < p.wide(); d += NR) {
        int k = p.k() + d * depth + key * NR;
        AttentionTile.rows(m, NR, w, p.ds(), NR, k, p.dq() + t * p.wide() + d, p.wide(), true);
      }
    }
  }

  /**
   * Hides what the m queries of a block do not see of a strip.
   *
   * @param distance from the strip's first key to the block's first query
   * @param keys how many of the strip's keys there are
   */
  private static void hide(AttentionShape s, Plan p, int distance, int m, int keys, float[] w) {
    // Lanes behind the last key lie ahead of every causal query.
    boolean ahead = s.scores().causal() && s.lengths() == null;
    if (keys < NR && !ahead) apply(HIDE_LANES, w, p.p(), m, 0, keys, 0);
    // Early queries are before the strip's last keys, late ones beyond reach of its first.
    long early = Math.min(m, NR - 1L - distance - s.scores().ahead());
    if (early > 0) {
      apply(HIDE_BELOW, w, p.p(), (int) early, 0, -distance - s.scores().ahead(), 0);
    }
    long late = Math.max(0, 1L + s.scores().behind() - distance);
    if (late < m) {
      int behind = s.scores().behind() - distance - (int) late;
      apply(HIDE_ABOVE, w, p.p() + (int) late * NR, m - (int) late, 0, behind, 0);
    }
  }

  private static void write(Plan p, int b, int h, float scale, float[] w, HeadView dq) {
    int dim = p.dim;
    RowKernels.scale(w, p.dq(), p.queries * p.wide(), scale);
    for (int t = 0; t < p.queries; t++)
      System.arraycopy(w, p.dq() + t * p.wide(), dq.data(), dq.at(b, t, h, dim), dim);
  }

  private static void write(Plan p, int from, int b, int kh, float[] w, HeadView to) {
    for (int j = 0; j < p.keys; j += NR) {
      int n = Math.min(NR, p.keys - j);
      int at = from + j * up(p.dim);
      AttentionTile.transposed(w, at, n, p.dim, to.data(), to.at(b, j, kh, p.dim), to.rowStride());
    }
  }
}
