package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Attention by tiles with a running maximum (Dao et al. 2022). */
public final class AttentionForward {
  private static final int KEYS = 1056;
  private static final int WEIGHTS = 2112;
  private static final int VALUES = 3168;
  private static final int PARTS = 5216;

  private AttentionForward() {}

  /** A group per sequence and head (x), tile of queries (y) and 64 columns (z). */
  public static void tiles(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] local = c.allocateFloatLocalArray(5728);
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
    int v = args.get(18) + b * args.get(19) + kvHead * dim + column;
    int rows = TornadoMath.min(AttentionTiles.TILE, queries - first);
    int from = TornadoMath.max(0, first + past - behind) / 32 * 32;
    int until = TornadoMath.min(length, first + past + rows + ahead);
    int pos = first + past + row;
    float m0 = AttentionTiles.LOW;
    float m1 = AttentionTiles.LOW;
    float m2 = AttentionTiles.LOW;
    float m3 = AttentionTiles.LOW;
    float l0 = 0f;
    float l1 = 0f;
    float l2 = 0f;
    float l3 = 0f;
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
      for (int d = 0; d < dim; d += 32) {
        for (int i = item; i < 1024; i += AttentionTiles.ITEMS) {
          int r = i >> 5;
          int e = i & 31;
          int to = r * 33 + e;
          local[to] = AttentionTiles.at(heap, q + d, args.get(14), r, e, rows, dim - d);
          local[KEYS + to] =
              AttentionTiles.at(
                  heap, k + j * args.get(17) + d, args.get(17), r, e, until - j, dim - d);
        }
        c.localBarrier();
        for (int e = 0; e < 32; e++) {
          float near = local[KEYS + tx * 33 + e];
          float far = local[KEYS + (tx + 16) * 33 + e];
          float q0 = local[row * 33 + e];
          float q1 = local[(row + 1) * 33 + e];
          float q2 = local[(row + 2) * 33 + e];
          float q3 = local[(row + 3) * 33 + e];
          s00 += q0 * near;
          s01 += q0 * far;
          s10 += q1 * near;
          s11 += q1 * far;
          s20 += q2 * near;
          s21 += q2 * far;
          s30 += q3 * near;
          s31 += q3 * far;
        }
        c.localBarrier();
      }
      for (int i = item; i < 2048; i += AttentionTiles.ITEMS) {
        int r = i >> 6;
        int e = i & 63;
        local[VALUES + i] =
            AttentionTiles.at(
                heap, v + j * args.get(20), args.get(20), r, e, until - j, dim - column);
      }
      int far = j + tx - pos;
      int limit0 = TornadoMath.min(ahead, length - 1 - pos);
      int limit1 = TornadoMath.min(ahead, length - 1 - pos - 1);
      int limit2 = TornadoMath.min(ahead, length - 1 - pos - 2);
      int limit3 = TornadoMath.min(ahead, length - 1 - pos - 3);
      s00 = score(s00, scale, cap, slope, far, limit0, behind);
      s01 = score(s01, scale, cap, slope, far + 16, limit0, behind);
      s10 = score(s10, scale, cap, slope, far - 1, limit1, behind);
      s11 = score(s11, scale, cap, slope, far + 15, limit1, behind);
      s20 = score(s20, scale, cap, slope, far - 2, limit2, behind);
      s21 = score(s21, scale, cap, slope, far + 14, limit2, behind);
      s30 = score(s30, scale, cap, slope, far - 3, limit3, behind);
      s31 = score(s31, scale, cap, slope, far + 13, limit3, behind);
      local[PARTS + row * 16 + tx] = TornadoMath.max(s00, s01);
      local[PARTS + (row + 1) * 16 + tx] = TornadoMath.max(s10, s11);
      local[PARTS + (row + 2) * 16 + tx] = TornadoMath.max(s20, s21);
      local[PARTS + (row + 3) * 16 + tx] = TornadoMath.max(s30, s31);
      c.localBarrier();
      float n0 = m0;
      float n1 = m1;
      float n2 = m2;
      float n3 = m3;
      for (int e = 0; e < 16; e++) {
        int at = PARTS + row * 16 + e;
        n0 = TornadoMath.max(n0, local[at]);
        n1 = TornadoMath.max(n1, local[at + 16]);
        n2 = TornadoMath.max(n2, local[at + 32]);
        n3 = TornadoMath.max(n3, local[at + 48]);
      }
      float f0 = TornadoMath.exp(m0 - n0);
      m0 = n0;
      s00 = TornadoMath.exp(s00 - n0);
      s01 = TornadoMath.exp(s01 - n0);
      l0 = l0 * f0 + s00 + s01;
      local[WEIGHTS + row * 33 + tx] = s00;
      local[WEIGHTS + row * 33 + tx + 16] = s01;
      o00 *= f0;
      o01 *= f0;
      o02 *= f0;
      o03 *= f0;
      float f1 = TornadoMath.exp(m1 - n1);
      m1 = n1;
      s10 = TornadoMath.exp(s10 - n1);
      s11 = TornadoMath.exp(s11 - n1);
      l1 = l1 * f1 + s10 + s11;
      local[WEIGHTS + (row + 1) * 33 + tx] = s10;
      local[WEIGHTS + (row + 1) * 33 + tx + 16] = s11;
      o10 *= f1;
      o11 *= f1;
      o12 *= f1;
      o13 *= f1;
      float f2 = TornadoMath.exp(m2 - n2);
      m2 = n2;
      s20 = TornadoMath.exp(s20 - n2);
      s21 = TornadoMath.exp(s21 - n2);
      l2 = l2 * f2 + s20 + s21;
      local[WEIGHTS + (row + 2) * 33 + tx] = s20;
      local[WEIGHTS + (row + 2) * 33 + tx + 16] = s21;
      o20 *= f2;
      o21 *= f2;
      o22 *= f2;
      o23 *= f2;
      float f3 = TornadoMath.exp(m3 - n3);
      m3 = n3;
      s30 = TornadoMath.exp(s30 - n3);
      s31 = TornadoMath.exp(s31 - n3);
      l3 = l3 * f3 + s30 + s31;
      local[WEIGHTS + (row + 3) * 33 + tx] = s30;
      local[WEIGHTS + (row + 3) * 33 + tx + 16] = s31;
      o30 *= f3;
      o31 *= f3;
      o32 *= f3;
      o33 *= f3;
      c.localBarrier();
      for (int e = 0; e < 32; e++) {
        float v0 = local[VALUES + e * 64 + tx];
        float v1 = local[VALUES + e * 64 + tx + 16];
        float v2 = local[VALUES + e * 64 + tx + 32];
        float v3 = local[VALUES + e * 64 + tx + 48];
        float p0 = local[WEIGHTS + row * 33 + e];
        o00 += p0 * v0;
        o01 += p0 * v1;
        o02 += p0 * v2;
        o03 += p0 * v3;
        float p1 = local[WEIGHTS + (row + 1) * 33 + e];
        o10 += p1 * v0;
        o11 += p1 * v1;
        o12 += p1 * v2;
        o13 += p1 * v3;
        float p2 = local[WEIGHTS + (row + 2) * 33 + e];
        o20 += p2 * v0;
        o21 += p2 * v1;
        o22 += p2 * v2;
        o23 += p2 * v3;
        float p3 = local[WEIGHTS + (row + 3) * 33 + e];
        o30 += p3 * v0;
        o31 += p3 * v1;
        o32 += p3 * v2;
        o33 += p3 * v3;
      }
    }
    local[PARTS + row * 16 + tx] = l0;
    local[PARTS + (row + 1) * 16 + tx] = l1;
    local[PARTS + (row + 2) * 16 + tx] = l2;
    local[PARTS + (row + 3) * 16 + tx] = l3;
    c.localBarrier();
    float sum0 = 0f;
    float sum1 = 0f;
    float sum2 = 0f;
    float sum3 = 0f;
    for (int e = 0; e < 16; e++) {
      int at = PARTS + row * 16 + e;
      sum0 += local[at];
      sum1 += local[at + 16];
      sum2 += local[at + 32];
      sum3 += local[at + 48];
    }
    int out = args.get(21) + b * args.get(22) + first * args.get(23) + head * dim + column;
    int lse = args.get(24) + c.groupIdx * queries + first;
    int cols = dim - column;
    if (row < rows) {
      float by = AttentionTiles.inverse(sum0);
      AttentionTiles.put(
          heap, out + row * args.get(23), tx, cols, o00 * by, o01 * by, o02 * by, o03 * by);
      if (tx == 0 && column == 0) heap.set(lse + row, AttentionTiles.logSum(m0, sum0));
    }
    if (row + 1 < rows) {
      float by = AttentionTiles.inverse(sum1);
      AttentionTiles.put(
          heap, out + (row + 1) * args.get(23), tx, cols, o10 * by, o11 * by, o12 * by, o13 * by);
      if (tx == 0 && column == 0) heap.set(lse + row + 1, AttentionTiles.logSum(m1, sum1));
    }
    if (row + 2 < rows) {
      float by = AttentionTiles.inverse(sum2);
      AttentionTiles.put(
          heap, out + (row + 2) * args.get(23), tx, cols, o20 * by, o21 * by, o22 * by, o23 * by);
      if (tx == 0 && column == 0) heap.set(lse + row + 2, AttentionTiles.logSum(m2, sum2));
    }
    if (row + 3 < rows) {
      float by = AttentionTiles.inverse(sum3);
      AttentionTiles.put(
          heap, out + (row + 3) * args.get(23), tx, cols, o30 * by, o31 * by, o32 * by, o33 * by);
      if (tx == 0 && column == 0) heap.set(lse + row + 3, AttentionTiles.logSum(m3, sum3));
    }
  }

  private static float score(
      float product, float scale, float cap, float slope, int far, int ahead, int behind) {
    float capped = AttentionTiles.capped(product, scale, cap);
    return AttentionTiles.seen(capped, slope, far, ahead, behind);
  }
}
