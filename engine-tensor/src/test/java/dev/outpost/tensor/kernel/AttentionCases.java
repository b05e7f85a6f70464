package dev.outpost.tensor.kernel;

import static dev.outpost.tensor.kernel.KernelCases.flat;

import dev.outpost.tensor.Tensor;
import java.util.List;

/** Attention's part of the case table: every choice of scores with every other, odd sizes. */
final class AttentionCases {
  private AttentionCases() {}

  static void small(List<KernelCase> cases) {
    add(cases, "one", new AttentionShape(1, 1, 1, 1, 1, 1, 1f, true));
    add(cases, "tiny", AttentionShape.causal(2, 5, 2, 3));
    add(cases, "decode", new AttentionShape(2, 1, 19, 4, 2, 8, 0.3f, true));
    add(cases, "prefill", new AttentionShape(1, 7, 12, 2, 2, 9, 0.3f, true));
    add(cases, "all keys", new AttentionShape(1, 6, 10, 2, 1, 8, 0.3f, false));
    add(cases, "two blocks", AttentionShape.causal(1, 51, 1, 8));
    choices(cases, "step", 1, 19, 2, 5, 4);
    choices(cases, "steps", 3, 12, 2, 8, 5);
    choices(cases, "block", 11, 21, 2, 7, 6);
    both(cases, "window of one", 11, 14, 3, 1);
    both(cases, "window of all", 11, 14, 3, 14);
    both(cases, "window without end", 11, 14, 3, Integer.MAX_VALUE);
    add(cases, "more queries than keys", wide(13, 6, 3, 2));
  }

  static void large(List<KernelCase> cases) {
    add(cases, "long", new AttentionShape(1, 250, 250, 2, 1, 16, 0.25f, true));
    // What models have: head sizes that fill tiles, and blocks of keys beyond the first.
    add(cases, "head 64", new AttentionShape(1, 515, 515, 2, 1, 64, 0.125f, true));
    add(cases, "head 80", new AttentionShape(1, 130, 140, 4, 2, 80, 0.11f, true));
    add(cases, "gqa", new AttentionShape(2, 50, 53, 4, 2, 24, 0.2f, true));
    // One query against many keys, and heads beyond what kernels for it keep at hand.
    add(cases, "long decode", new AttentionShape(2, 1, 300, 4, 2, 40, 0.2f, true));
    add(cases, "wide decode", new AttentionShape(1, 1, 140, 2, 1, 130, 0.1f, true));
    add(cases, "head 260 decode", new AttentionShape(1, 1, 70, 2, 1, 260, 0.06f, true));
    add(cases, "head 260", new AttentionShape(1, 40, 45, 2, 1, 260, 0.06f, true));
    choices(cases, "long", 139, 170, 4, 24, 45);
    choices(cases, "long step", 2, 530, 4, 16, 300);
    // Blocks of keys, and of queries, that lie wholly outside the window.
    both(cases, "narrow", 515, 530, 16, 3);
    both(cases, "wide", 515, 530, 16, 129);
    both(cases, "wider", 515, 530, 16, 300);
  }

  /** Every choice with every other: 32 cases. */
  private static void choices(
      List<KernelCase> cases, String name, int queries, int keys, int heads, int dim, int window) {
    // One full sequence, one that ends early, one that is all padding.
    int[] lengths = {keys, keys / 3, 0};
    for (int c = 0; c < 32; c++) {
      AttentionScores scores =
          new AttentionScores(
              1.5f / (float) Math.sqrt(dim),
              (c & 1) != 0,
              (c & 2) != 0 ? window : 0,
              (c & 4) != 0 ? 0.7f : 0,
              (c & 8) != 0 ? AttentionScores.alibi(heads) : null);
      AttentionShape s = new AttentionShape(3, queries, keys, heads, heads / 2, dim, scores);
      add(
          cases,
          name
              + (scores.causal() ? " causal" : "")
              + (scores.window() > 0 ? " window" : "")
              + (scores.softcap() > 0 ? " cap" : "")
              + (scores.slopes() != null ? " slopes" : "")
              + ((c & 16) != 0 ? " lengths" : ""),
          (c & 16) != 0 ? s.withLengths(lengths) : s);
    }
  }

  private static void both(
      List<KernelCase> cases, String name, int queries, int keys, int dim, int window) {
    AttentionShape s = wide(queries, keys, dim, window);
    add(cases, name + " both ways", s);
    AttentionScores scores = AttentionScores.causal(dim).withWindow(window);
    add(cases, name, new AttentionShape(1, queries, keys, 2, 1, dim, scores));
  }

  private static AttentionShape wide(int queries, int keys, int dim, int window) {
    AttentionScores scores = AttentionScores.bidirectional(dim).withWindow(window);
    return new AttentionShape(1, queries, keys, 2, 1, dim, scores);
  }

  private static void add(List<KernelCase> cases, String name, AttentionShape s) {
    cases.add(
        new KernelCase(
            "attention " + name,
            kernels -> {
              Guarded g = new Guarded(s.queries() + s.keys());
              int d = s.headDim();
              int wide = s.heads() * d;
              int narrow = s.kvHeads() * d;
              int nq = s.batch() * s.queries();
              int nk = s.batch() * s.keys();
              Tensor q = g.random(nq, wide);
              // Keys and values side by side, as a fused projection leaves them.
              Tensor kv = g.random(nk, 2 * narrow + 1);
              HeadView qv = HeadView.of(q, s.queries(), 0);
              HeadView kv0 = HeadView.of(kv, s.keys(), 0);
              HeadView vv = HeadView.of(kv, s.keys(), narrow);
              Tensor out = Guarded.empty(nq, wide);
              Tensor lse = Guarded.empty(s.batch(), s.heads(), s.queries());
              kernels.attention(s, qv, kv0, vv, HeadView.of(out, s.queries(), 0), lse);
              Tensor dout = g.random(nq, wide);
              Tensor dq = Guarded.empty(nq, wide);
              Tensor dkv = g.random(nk, 2 * narrow + 1);
              kernels.attentionBackward(
                  s,
                  qv,
                  kv0,
                  vv,
                  HeadView.of(out, s.queries(), 0),
                  lse,
                  HeadView.of(dout, s.queries(), 0),
                  HeadView.of(dq, s.queries(), 0),
                  HeadView.of(dkv, s.keys(), 0),
                  HeadView.of(dkv, s.keys(), narrow));
              // Scores are below scale·d and what a slope adds; their error passes through exp as a
              // relative one.
              double score = 1 + s.scores().scale() * d / 3 + lowered(s);
              double spread = Math.sqrt((double) s.queries() * s.heads() / s.kvHeads());
              return List.of(
                  flat("out", out, score),
                  flat("lse", lse, score),
                  flat("dq", dq, 2 * score),
                  flat("dk, dv", dkv, 2 * score * spread));
            }));
  }

  /**
   * What a slope takes from a score, a quarter: it is rounded once, and the factor allows for 20.
   */
  private static double lowered(AttentionShape s) {
    float[] slopes = s.scores().slopes();
    double most = 0;
    if (slopes != null) for (float slope : slopes) most = Math.max(most, slope);
    return most * (s.queries() + s.keys()) / 4;
  }
}
