package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Attention's backward for keys and values, the other half of {@link AttentionBackward}: {@code dv
 * = pᵀ dout}, {@code dk = dsᵀ q}, summed over the query heads and queries that see a key, in order.
 */
public final class AttentionKeys {
  /** How far ahead of a query a key that is not there may stand. */
  private static final int UNSEEN = Integer.MIN_VALUE;

  private AttentionKeys() {}

  /** dk and dv: a group per sequence and key head (x), tile of keys (y) and 64 columns (z). */
  public static void keys(KernelContext c, IntArray args, FloatArray heap, IntArray page) {
    float[] local = c.allocateFloatLocalArray(6144);
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
    int kvHeads = args.get(4);
    int group = heads / kvHeads;
    int b = c.groupIdx / kvHeads;
    int kvHead = c.groupIdx - b * kvHeads;
    int length = args.get(11) < 0 ? args.get(2) : (int) heap.get(args.get(11) + b);
    int k = args.get(15) + b * args.get(16) + first * args.get(17) + kvHead * dim;
    int v = args.get(18) + b * args.get(19) + first * args.get(20) + kvHead * dim;
    // Keys that are there, and the queries that see any of them.
    int rows = TornadoMath.min(AttentionTiles.TILE, length - first);
    int from = TornadoMath.max(0, first - past - ahead) / 32 * 32;
    int until = TornadoMath.min(queries, first + rows - past + behind);
    if (rows <= 0) until = 0;
    int key = first + row;
    int limit0 = row < rows ? ahead : UNSEEN;
    int limit1 = row + 1 < rows ? ahead : UNSEEN;
    int limit2 = row + 2 < rows ? ahead : UNSEEN;
    int limit3 = row + 3 < rows ? ahead : UNSEEN;
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
    float a00 = 0f;
    float a01 = 0f;
    float a02 = 0f;
    float a03 = 0f;
    float a10 = 0f;
    float a11 = 0f;
    float a12 = 0f;
    float a13 = 0f;
    float a20 = 0f;
    float a21 = 0f;
    float a22 = 0f;
    float a23 = 0f;
    float a30 = 0f;
    float a31 = 0f;
    float a32 = 0f;
    float a33 = 0f;
    for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
      float slope = args.get(10) < 0 ? 0f : heap.get(args.get(10) + head);
      int q = args.get(12) + b * args.get(13) + head * dim;
      int dout = args.get(25) + b * args.get(26) + head * dim;
      for (int t = from; t < until; t += AttentionTiles.TILE) {
        int there = until - t;
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
          int cols = dim - d;
          int asked = q + t * args.get(14) + d;
          int slopes = dout + t * args.get(27) + d;
          for (int i = item; i < 1024; i += AttentionTiles.ITEMS) {
            int r = i >> 5;
            int e = i & 31;
            int to = r * 33 + e;
            local[to] = AttentionTiles.at(heap, k + d, args.get(17), r, e, rows, cols);
            local[1056 + to] = AttentionTiles.at(heap, v + d, args.get(20), r, e, rows, cols);
            local[2112 + to] = AttentionTiles.at(heap, asked, args.get(14), r, e, there, cols);
            local[3168 + to] = AttentionTiles.at(heap, slopes, args.get(27), r, e, there, cols);
          }
          c.localBarrier();
          for (int e = 0; e < 32; e++) {
            float q0 = local[2112 + tx * 33 + e];
            float q1 = local[2112 + (tx + 16) * 33 + e];
            float g0 = local[3168 + tx * 33 + e];
            float g1 = local[3168 + (tx + 16) * 33 + e];
            float k0 = local[row * 33 + e];
            float v0 = local[1056 + row * 33 + e];
            s00 += k0 * q0;
            s01 += k0 * q1;
            t00 += v0 * g0;
            t01 += v0 * g1;
            float k1 = local[(row + 1) * 33 + e];
            float v1 = local[1056 + (row + 1) * 33 + e];
            s10 += k1 * q0;
            s11 += k1 * q1;
            t10 += v1 * g0;
            t11 += v1 * g1;
            float k2 = local[(row + 2) * 33 + e];
            float v2 = local[1056 + (row + 2) * 33 + e];
            s20 += k2 * q0;
            s21 += k2 * q1;
            t20 += v2 * g0;
            t21 += v2 * g1;
            float k3 = local[(row + 3) * 33 + e];
            float v3 = local[1056 + (row + 3) * 33 + e];
            s30 += k3 * q0;
            s31 += k3 * q1;
            t30 += v3 * g0;
            t31 += v3 * g1;
          }
          c.localBarrier();
        }
        int numbers = (b * heads + head) * queries + t;
        float lse0 =
            AttentionTiles.number(heap, args.get(24) + numbers, tx, there, AttentionTiles.NEVER);
        float lse1 =
            AttentionTiles.number(
                heap, args.get(24) + numbers, tx + 16, there, AttentionTiles.NEVER);
        float delta0 = AttentionTiles.number(heap, args.get(37) + numbers, tx, there, 0f);
        float delta1 = AttentionTiles.number(heap, args.get(37) + numbers, tx + 16, there, 0f);
        int far = key - past - t - tx;
        s00 = AttentionTiles.capped(s00, scale, cap);
        float w00 = AttentionTiles.weight(s00, slope, far, limit0, behind, lse0);
        local[row * 32 + tx] = w00;
        t00 = (t00 - delta0) * AttentionTiles.steepness(s00, scale, cap);
        local[1024 + row * 32 + tx] = w00 * t00;
        s01 = AttentionTiles.capped(s01, scale, cap);
        float w01 = AttentionTiles.weight(s01, slope, far - 16, limit0, behind, lse1);
        local[row * 32 + tx + 16] = w01;
        t01 = (t01 - delta1) * AttentionTiles.steepness(s01, scale, cap);
        local[1024 + row * 32 + tx + 16] = w01 * t01;
        s10 = AttentionTiles.capped(s10, scale, cap);
        float w10 = AttentionTiles.weight(s10, slope, far + 1, limit1, behind, lse0);
        local[(row + 1) * 32 + tx] = w10;
        t10 = (t10 - delta0) * AttentionTiles.steepness(s10, scale, cap);
        local[1024 + (row + 1) * 32 + tx] = w10 * t10;
        s11 = AttentionTiles.capped(s11, scale, cap);
        float w11 = AttentionTiles.weight(s11, slope, far - 15, limit1, behind, lse1);
        local[(row + 1) * 32 + tx + 16] = w11;
        t11 = (t11 - delta1) * AttentionTiles.steepness(s11, scale, cap);
        local[1024 + (row + 1) * 32 + tx + 16] = w11 * t11;
        s20 = AttentionTiles.capped(s20, scale, cap);
        float w20 = AttentionTiles.weight(s20, slope, far + 2, limit2, behind, lse0);
        local[(row + 2) * 32 + tx] = w20;
        t20 = (t20 - delta0) * AttentionTiles.steepness(s20, scale, cap);
        local[1024 + (row + 2) * 32 + tx] = w20 * t20;
        s21 = AttentionTiles.capped(s21, scale, cap);
        float w21 = AttentionTiles.weight(s21, slope, far - 14, limit2, behind, lse1);
        local[(row + 2) * 32 + tx + 16] = w21;
        t21 = (t21 - delta1) * AttentionTiles.steepness(s21, scale, cap);
        local[1024 + (row + 2) * 32 + tx + 16] = w21 * t21;
        s30 = AttentionTiles.capped(s30, scale, cap);
        float w30 = AttentionTiles.weight(s30, slope, far + 3, limit3, behind, lse0);
        local[(row + 3) * 32 + tx] = w30;
        t30 = (t30 - delta0) * AttentionTiles.steepness(s30, scale, cap);
        local[1024 + (row + 3) * 32 + tx] = w30 * t30;
        s31 = AttentionTiles.capped(s31, scale, cap);
        float w31 = AttentionTiles.weight(s31, slope, far - 13, limit3, behind, lse1);
        local[(row + 3) * 32 + tx + 16] = w31;
        t31 = (t31 - delta1) * AttentionTiles.steepness(s31, scale, cap);
        local[1024 + (row + 3) * 32 + tx + 16] = w31 * t31;
        int cols = dim - column;
        int asked = q + t * args.get(14) + column;
        int slopes = dout + t * args.get(27) + column;
        for (int i = item; i < 2048; i += AttentionTiles.ITEMS) {
          int r = i >> 6;
          int e = i & 63;
          local[2048 + i] = AttentionTiles.at(heap, asked, args.get(14), r, e, there, cols);
          local[4096 + i] = AttentionTiles.at(heap, slopes, args.get(27), r, e, there, cols);
        }
        c.localBarrier();
        for (int e = 0; e < 32; e++) {
          float q0 = local[2048 + e * 64 + tx];
          float g0 = local[4096 + e * 64 + tx];
          float q1 = local[2048 + e * 64 + tx + 16];
          float g1 = local[4096 + e * 64 + tx + 16];
          float q2 = local[2048 + e * 64 + tx + 32];
          float g2 = local[4096 + e * 64 + tx + 32];
          float q3 = local[2048 + e * 64 + tx + 48];
          float g3 = local[4096 + e * 64 + tx + 48];
          float w0 = local[row * 32 + e];
          float s0 = local[1024 + row * 32 + e];
          o00 += s0 * q0;
          a00 += w0 * g0;
          o01 += s0 * q1;
          a01 += w0 * g1;
          o02 += s0 * q2;
          a02 += w0 * g2;
          o03 += s0 * q3;
          a03 += w0 * g3;
          float w1 = local[(row + 1) * 32 + e];
          float s1 = local[1024 + (row + 1) * 32 + e];
          o10 += s1 * q0;
          a10 += w1 * g0;
          o11 += s1 * q1;
          a11 += w1 * g1;
          o12 += s1 * q2;
          a12 += w1 * g2;
          o13 += s1 * q3;
          a13 += w1 * g3;
          float w2 = local[(row + 2) * 32 + e];
          float s2 = local[1024 + (row + 2) * 32 + e];
          o20 += s2 * q0;
          a20 += w2 * g0;
          o21 += s2 * q1;
          a21 += w2 * g1;
          o22 += s2 * q2;
          a22 += w2 * g2;
          o23 += s2 * q3;
          a23 += w2 * g3;
          float w3 = local[(row + 3) * 32 + e];
          float s3 = local[1024 + (row + 3) * 32 + e];
          o30 += s3 * q0;
          a30 += w3 * g0;
          o31 += s3 * q1;
          a31 += w3 * g1;
          o32 += s3 * q2;
          a32 += w3 * g2;
          o33 += s3 * q3;
          a33 += w3 * g3;
        }
        c.localBarrier();
      }
    }
    int dk = args.get(31) + b * args.get(32) + key * args.get(33) + kvHead * dim + column;
    int dv = args.get(34) + b * args.get(35) + key * args.get(36) + kvHead * dim + column;
    int cols = dim - column;
    int keys = args.get(2);
    if (key < keys) {
      AttentionTiles.put(heap, dk, tx, cols, o00, o01, o02, o03);
      AttentionTiles.put(heap, dv, tx, cols, a00, a01, a02, a03);
    }
    if (key + 1 < keys) {
      AttentionTiles.put(heap, dk + args.get(33), tx, cols, o10, o11, o12, o13);
      AttentionTiles.put(heap, dv + args.get(36), tx, cols, a10, a11, a12, a13);
    }
    if (key + 2 < keys) {
      AttentionTiles.put(heap, dk + 2 * args.get(33), tx, cols, o20, o21, o22, o23);
      AttentionTiles.put(heap, dv + 2 * args.get(36), tx, cols, a20, a21, a22, a23);
    }
    if (key + 3 < keys) {
      AttentionTiles.put(heap, dk + 3 * args.get(33), tx, cols, o30, o31, o32, o33);
      AttentionTiles.put(heap, dv + 3 * args.get(36), tx, cols, a30, a31, a32, a33);
    }
  }
}
