package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;

import jdk.incubator.vector.FloatVector;

/**
 * Attention's register tile for 32 vector registers: 8 rows by two vectors, so that head sizes,
 * which are multiples of 8, leave no edge. Calls nothing but the vector library, which C2 always
 * inlines, and is too long to be inlined itself, so that it is compiled well wherever it is called
 * from.
 */
final class AttentionTile8 {
  static final int MR = 8;
  private static final int NR = 2 * VL;

  private AttentionTile8() {}

  /** {@code c[i, j] (+)= Σ_k a[ao + i·lda + k]·b[bo + k·NR + j]}: a lies row by row. */
  static void rows(
      int kc,
      float[] a,
      int ao,
      int lda,
      float[] b,
      int bo,
      float[] c,
      int co,
      int ldc,
      boolean add) {
    FloatVector c00 = FloatVector.zero(F);
    FloatVector c01 = FloatVector.zero(F);
    FloatVector c10 = FloatVector.zero(F);
    FloatVector c11 = FloatVector.zero(F);
    FloatVector c20 = FloatVector.zero(F);
    FloatVector c21 = FloatVector.zero(F);
    FloatVector c30 = FloatVector.zero(F);
    FloatVector c31 = FloatVector.zero(F);
    FloatVector c40 = FloatVector.zero(F);
    FloatVector c41 = FloatVector.zero(F);
    FloatVector c50 = FloatVector.zero(F);
    FloatVector c51 = FloatVector.zero(F);
    FloatVector c60 = FloatVector.zero(F);
    FloatVector c61 = FloatVector.zero(F);
    FloatVector c70 = FloatVector.zero(F);
    FloatVector c71 = FloatVector.zero(F);
    int r0 = ao;
    int r1 = r0 + lda;
    int r2 = r1 + lda;
    int r3 = r2 + lda;
    int r4 = r3 + lda;
    int r5 = r4 + lda;
    int r6 = r5 + lda;
    int r7 = r6 + lda;
    for (int k = 0; k < kc; k++) {
      int kb = bo + k * NR;
      FloatVector b0 = FloatVector.fromArray(F, b, kb);
      FloatVector b1 = FloatVector.fromArray(F, b, kb + VL);
      FloatVector a0 = FloatVector.broadcast(F, a[r0 + k]);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = FloatVector.broadcast(F, a[r1 + k]);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = FloatVector.broadcast(F, a[r2 + k]);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = FloatVector.broadcast(F, a[r3 + k]);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
      FloatVector a4 = FloatVector.broadcast(F, a[r4 + k]);
      c40 = a4.fma(b0, c40);
      c41 = a4.fma(b1, c41);
      FloatVector a5 = FloatVector.broadcast(F, a[r5 + k]);
      c50 = a5.fma(b0, c50);
      c51 = a5.fma(b1, c51);
      FloatVector a6 = FloatVector.broadcast(F, a[r6 + k]);
      c60 = a6.fma(b0, c60);
      c61 = a6.fma(b1, c61);
      FloatVector a7 = FloatVector.broadcast(F, a[r7 + k]);
      c70 = a7.fma(b0, c70);
      c71 = a7.fma(b1, c71);
    }
    int at = co;
    if (add) {
      c00.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c01.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c10.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c11.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c20.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c21.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c30.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c31.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c40.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c41.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c50.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c51.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c60.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c61.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c70.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c71.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
    } else {
      c00.intoArray(c, at);
      c01.intoArray(c, at + VL);
      at += ldc;
      c10.intoArray(c, at);
      c11.intoArray(c, at + VL);
      at += ldc;
      c20.intoArray(c, at);
      c21.intoArray(c, at + VL);
      at += ldc;
      c30.intoArray(c, at);
      c31.intoArray(c, at + VL);
      at += ldc;
      c40.intoArray(c, at);
      c41.intoArray(c, at + VL);
      at += ldc;
      c50.intoArray(c, at);
      c51.intoArray(c, at + VL);
      at += ldc;
      c60.intoArray(c, at);
      c61.intoArray(c, at + VL);
      at += ldc;
      c70.intoArray(c, at);
      c71.intoArray(c, at + VL);
    }
  }

  /** {@code c[i, j] (+)= Σ_k a[ao + k·step + i]·b[bo + k·NR + j]}: a lies column by column. */
  static void columns(
      int kc,
      float[] a,
      int ao,
      int step,
      float[] b,
      int bo,
      float[] c,
      int co,
      int ldc,
      boolean add) {
    FloatVector c00 = FloatVector.zero(F);
    FloatVector c01 = FloatVector.zero(F);
    FloatVector c10 = FloatVector.zero(F);
    FloatVector c11 = FloatVector.zero(F);
    FloatVector c20 = FloatVector.zero(F);
    FloatVector c21 = FloatVector.zero(F);
    FloatVector c30 = FloatVector.zero(F);
    FloatVector c31 = FloatVector.zero(F);
    FloatVector c40 = FloatVector.zero(F);
    FloatVector c41 = FloatVector.zero(F);
    FloatVector c50 = FloatVector.zero(F);
    FloatVector c51 = FloatVector.zero(F);
    FloatVector c60 = FloatVector.zero(F);
    FloatVector c61 = FloatVector.zero(F);
    FloatVector c70 = FloatVector.zero(F);
    FloatVector c71 = FloatVector.zero(F);
    for (int k = 0; k < kc; k++) {
      int ka = ao + k * step;
      int kb = bo + k * NR;
      FloatVector b0 = FloatVector.fromArray(F, b, kb);
      FloatVector b1 = FloatVector.fromArray(F, b, kb + VL);
      FloatVector a0 = FloatVector.broadcast(F, a[ka]);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = FloatVector.broadcast(F, a[ka + 1]);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = FloatVector.broadcast(F, a[ka + 2]);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = FloatVector.broadcast(F, a[ka + 3]);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
      FloatVector a4 = FloatVector.broadcast(F, a[ka + 4]);
      c40 = a4.fma(b0, c40);
      c41 = a4.fma(b1, c41);
      FloatVector a5 = FloatVector.broadcast(F, a[ka + 5]);
      c50 = a5.fma(b0, c50);
      c51 = a5.fma(b1, c51);
      FloatVector a6 = FloatVector.broadcast(F, a[ka + 6]);
      c60 = a6.fma(b0, c60);
      c61 = a6.fma(b1, c61);
      FloatVector a7 = FloatVector.broadcast(F, a[ka + 7]);
      c70 = a7.fma(b0, c70);
      c71 = a7.fma(b1, c71);
    }
    int at = co;
    if (add) {
      c00.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c01.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c10.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c11.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c20.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c21.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c30.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c31.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c40.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c41.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c50.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c51.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c60.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c61.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
      at += ldc;
      c70.add(FloatVector.fromArray(F, c, at)).intoArray(c, at);
      c71.add(FloatVector.fromArray(F, c, at + VL)).intoArray(c, at + VL);
    } else {
      c00.intoArray(c, at);
      c01.intoArray(c, at + VL);
      at += ldc;
      c10.intoArray(c, at);
      c11.intoArray(c, at + VL);
      at += ldc;
      c20.intoArray(c, at);
      c21.intoArray(c, at + VL);
      at += ldc;
      c30.intoArray(c, at);
      c31.intoArray(c, at + VL);
      at += ldc;
      c40.intoArray(c, at);
      c41.intoArray(c, at + VL);
      at += ldc;
      c50.intoArray(c, at);
      c51.intoArray(c, at + VL);
      at += ldc;
      c60.intoArray(c, at);
      c61.intoArray(c, at + VL);
      at += ldc;
      c70.intoArray(c, at);
      c71.intoArray(c, at + VL);
    }
  }
}
