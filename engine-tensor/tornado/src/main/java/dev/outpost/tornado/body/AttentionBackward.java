package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Attention's backward by tiles: {@code dv = pᵀ dout}, {@code ds = p ⊙ (dout vᵀ − delta) ⊙ cap'},
 * {@code dq = ds k}, {@code dk = dsᵀ q}, with the weights p made again from lse. One kernel makes
 * dq, another dk and dv, so that no two groups write the same number.
 */
public final class AttentionBackward {
  private AttentionBackward() {}

  /** {@code delta = Σ dout ⊙ out} of each query and head, one item each. args: see the tiles. */
  public static void delta(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    int i = c.globalIdx;
    int queries = args.get(1);
    int heads = args.get(3);
    int dim = args.get(5);
    int place = i / heads;
    int head = i - place * heads;
    int b = place / queries;
    int t = place - b * queries;
    if (i < args.get(0) * queries * heads) {
      int out = args.get(21) + b * args.get(22) + t * args.get(23) + head * dim;
      int dout = args.get(25) + b * args.get(26) + t * args.get(27) + head * dim;
      float sum = 0f;
      for (int d = 0; d < dim; d++) sum += heap.get(out + d) * heap.get(dout + d);
      heap.set(args.get(37) + (b * heads + head) * queries + t, sum);
    }
  }

  /** dq: a group per sequence and head (x), tile of queries (y) and 64 columns (z). */
  public static void queries(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] local = c.allocateFloatLocalArray(5280);
    int tx = c.localIdx;
    int ty = c.localIdy;
    int item = ty * 16 + tx;
    int row = ty * 4;
    int queries = args.get(1);
    int heads = args.get(3);
    int dim = args.get(5);
    int past = args.get(2) - queries;
    float scale = Stored.real(heap, args.get(6));
    float cap = Stored.real(heap, args.get(7));
    int ahead = args.get(8);
    int behind = args.get(9);
    int column = c.groupIdz * AttentionTiles.COLUMNS;
    int first = c.groupIdy * AttentionTiles.TILE;
    int b = c.groupIdx / heads;
    int head = c.groupIdx - b * heads;
    int kvHead = head / (heads / args.get(4));
    float slope = args.get(10) < 0 ? 0f : heap.get(args.get(10) + head);
    int length = args.get(11) < 0 ? args.get(2) : (int) heap.get(args.get(11) + b);
    int q = args.get(12) + b * args.get(13) + first * args.get(14) + head * dim;
    int k = args.get(15) + b * args.get(16) + kvHead * dim;
    int v = args.get(18) + b * args.get(19) + kvHead * dim;
    int dout = args.get(25) + b * args.get(26) + first * args.get(27) + head * dim;
    int rows = TornadoMath.min(AttentionTiles.TILE, queries - first);
    int from = TornadoMath.max(0, first + past - behind) / 32 * 32;
    int until = TornadoMath.min(length, first + past + rows + ahead);
    int pos = first + past + row;
    int numbers = c.groupIdx * queries + first;
    float lse0 =
        AttentionTiles.number(heap, args.get(24) + numbers, row, rows, AttentionTiles.NEVER);
    float delta0 = AttentionTiles.number(heap, args.get(37) + numbers, row, rows, 0f);
    int limit0 = TornadoMath.min(ahead, length - 1 - pos);
    float lse1 =
        AttentionTiles.number(heap, args.get(24) + numbers, row + 1, rows, AttentionTiles.NEVER);
    float delta1 = AttentionTiles.number(heap, args.get(37) + numbers, row + 1, rows, 0f);
    int limit1 = TornadoMath.min(ahead, length - 1 - pos - 1);
    float lse2 =
        AttentionTiles.number(heap, args.get(24) + numbers, row + 2, rows, AttentionTiles.NEVER);
    float delta2 = AttentionTiles.number(heap, args.get(37) + numbers, row + 2, rows, 0f);
    int limit2 = TornadoMath.min(ahead, length - 1 - pos - 2);
    float lse3 =
        AttentionTiles.number(heap, args.get(24) + numbers, row + 3, rows, AttentionTiles.NEVER);
    float delta3 = AttentionTiles.number(heap, args.get(37) + numbers, row + 3, rows, 0f);
    int limit3 = TornadoMath.min(ahead, length - 1 - pos - 3);
    float o00 = 0f;
    float o01 = 0f;
    float o02 = 0f;
    float o03 = 0f;
    float o10 = 0f;
    float o11 = 0f;
    float o12 = 0f;
    float o13 = 0f;
    float o20 = 0f;
    float o21 = 0f;
    float o22 = 0f;
    float o23 = 0f;
    float o30 = 0f;
    float o31 = 0f;
    float o32 = 0f;
    float o33 = 0f;
    for (int j = from; j < until; j += AttentionTiles.TILE) {
      float s00 = 0f;
      float s01 = 0f;
      float s10 = 0f;
      float s11 = 0f;
      float s20 = 0f;
      float s21 = 0f;
      float s30 = 0f;
      float s31 = 0f;
      float t00 = 0f;
      float t01 = 0f;
      float t10 = 0f;
      float t11 = 0f;
      float t20 = 0f;
      float t21 = 0f;
      float t30 = 0f;
      float t31 = 0f;
      for (int d = 0; d < dim; d += 32) {
        int there = until - j;
        int cols = dim - d;
        int keys = k + j * args.get(17) + d;
        int values = v + j * args.get(20) + d;
        for (int i = item; i < 1024; i += AttentionTiles.ITEMS) {
          int r = i >> 5;
          int e = i & 31;
          int to = r * 33 + e;
          local[to] = AttentionTiles.at(heap, q + d, args.get(14), r, e, rows, cols);
          local[1056 + to] = AttentionTiles.at(heap, dout + d, args.get(27), r, e, rows, cols);
          local[2112 + to] = AttentionTiles.at(heap, keys, args.get(17), r, e, there, cols);
          local[3168 + to] = AttentionTiles.at(heap, values, args.get(20), r, e, there, cols);
        }
        c.localBarrier();
        for (int e = 0; e < 32; e++) {
          float k0 = local[2112 + tx * 33 + e];
          float k1 = local[2112 + (tx + 16) * 33 + e];
          float v0 = local[3168 + tx * 33 + e];
          float v1 = local[3168 + (tx + 16) * 33 + e];
          float q0 = local[row * 33 + e];
          float g0 = local[1056 + row * 33 + e];
          s00 += q0 * k0;
          s01 += q0 * k1;
          t00 += g0 * v0;
          t01 += g0 * v1;
          float q1 = local[(row + 1) * 33 + e];
          float g1 = local[1056 + (row + 1) * 33 + e];
          s10 += q1 * k0;
          s11 += q1 * k1;
          t10 += g1 * v0;
          t11 += g1 * v1;
          float q2 = local[(row + 2) * 33 + e];
          float g2 = local[1056 + (row + 2) * 33 + e];
          s20 += q2 * k0;
          s21 += q2 * k1;
          t20 += g2 * v0;
          t21 += g2 * v1;
          float q3 = local[(row + 3) * 33 + e];
          float g3 = local[1056 + (row + 3) * 33 + e];
          s30 += q3 * k0;
          s31 += q3 * k1;
          t30 += g3 * v0;
          t31 += g3 * v1;
        }
        c.localBarrier();
      }
      int far = j + tx - pos;
      s00 = AttentionTiles.capped(s00, scale, cap);
      t00 -= delta0;
      t00 *= AttentionTiles.weight(s00, slope, far, limit0, behind, lse0);
      t00 *= AttentionTiles.steepness(s00, scale, cap);
      local[4224 + row * 33 + tx] = t00;
      s01 = AttentionTiles.capped(s01, scale, cap);
      t01 -= delta0;
      t01 *= AttentionTiles.weight(s01, slope, far + 16, limit0, behind, lse0);
      t01 *= AttentionTiles.steepness(s01, scale, cap);
      local[4224 + row * 33 + tx + 16] = t01;
      s10 = AttentionTiles.capped(s10, scale, cap);
      t10 -= delta1;
      t10 *= AttentionTiles.weight(s10, slope, far - 1, limit1, behind, lse1);
      t10 *= AttentionTiles.steepness(s10, scale, cap);
      local[4224 + (row + 1) * 33 + tx] = t10;
      s11 = AttentionTiles.capped(s11, scale, cap);
      t11 -= delta1;
      t11 *= AttentionTiles.weight(s11, slope, far + 15, limit1, behind, lse1);
      t11 *= AttentionTiles.steepness(s11, scale, cap);
      local[4224 + (row + 1) * 33 + tx + 16] = t11;
      s20 = AttentionTiles.capped(s20, scale, cap);
      t20 -= delta2;
      t20 *= AttentionTiles.weight(s20, slope, far - 2, limit2, behind, lse2);
      t20 *= AttentionTiles.steepness(s20, scale, cap);
      local[4224 + (row + 2) * 33 + tx] = t20;
      s21 = AttentionTiles.capped(s21, scale, cap);
      t21 -= delta2;
      t21 *= AttentionTiles.weight(s21, slope, far + 14, limit2, behind, lse2);
      t21 *= AttentionTiles.steepness(s21, scale, cap);
      local[4224 + (row + 2) * 33 + tx + 16] = t21;
      s30 = AttentionTiles.capped(s30, scale, cap);
      t30 -= delta3;
      t30 *= AttentionTiles.weight(s30, slope, far - 3, limit3, behind, lse3);
      t30 *= AttentionTiles.steepness(s30, scale, cap);
      local[4224 + (row + 3) * 33 + tx] = t30;
      s31 = AttentionTiles.capped(s31, scale, cap);
      t31 -= delta3;
      t31 *= AttentionTiles.weight(s31, slope, far + 13, limit3, behind, lse3);
      t31 *= AttentionTiles.steepness(s31, scale, cap);
      local[4224 + (row + 3) * 33 + tx + 16] = t31;
      for (int i = item; i < 2048; i += AttentionTiles.ITEMS) {
        int r = i >> 6;
        int e = i & 63;
        local[i] =
            AttentionTiles.at(
                heap, k + j * args.get(17) + column, args.get(17), r, e, until - j, dim - column);
      }
      c.localBarrier();
      for (int e = 0; e < 32; e++) {
        float k0 = local[e * 64 + tx];
        float k1 = local[e * 64 + tx + 16];
        float k2 = local[e * 64 + tx + 32];
        float k3 = local[e * 64 + tx + 48];
        float s0 = local[4224 + row * 33 + e];
        o00 += s0 * k0;
        o01 += s0 * k1;
        o02 += s0 * k2;
        o03 += s0 * k3;
        float s1 = local[4224 + (row + 1) * 33 + e];
        o10 += s1 * k0;
        o11 += s1 * k1;
        o12 += s1 * k2;
        o13 += s1 * k3;
        float s2 = local[4224 + (row + 2) * 33 + e];
        o20 += s2 * k0;
        o21 += s2 * k1;
        o22 += s2 * k2;
        o23 += s2 * k3;
        float s3 = local[4224 + (row + 3) * 33 + e];
        o30 += s3 * k0;
        o31 += s3 * k1;
        o32 += s3 * k2;
        o33 += s3 * k3;
      }
      c.localBarrier();
    }
    int dq = args.get(28) + b * args.get(29) + (first + row) * args.get(30) + head * dim + column;
    int cols = dim - column;
    if (row < rows) AttentionTiles.put(heap, dq, tx, cols, o00, o01, o02, o03);
    if (row + 1 < rows) AttentionTiles.put(heap, dq + args.get(30), tx, cols, o10, o11, o12, o13);
    if (row + 2 < rows)
      AttentionTiles.put(heap, dq + 2 * args.get(30), tx, cols, o20, o21, o22, o23);
    if (row + 3 < rows)
      AttentionTiles.put(heap, dq + 3 * args.get(30), tx, cols, o30, o31, o32, o33);
  }
}
