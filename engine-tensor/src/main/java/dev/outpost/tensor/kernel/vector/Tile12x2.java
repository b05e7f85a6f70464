package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;

import jdk.incubator.vector.FloatVector;

/**
 * The register tile for 32 vector registers: 12 rows by two vectors, 24 accumulators. Written out
 * because C2 keeps only local variables in registers. Two vectors of b and a few broadcasts fit
 * beside them; 13 rows and more spill accumulators.
 */
final class Tile12x2 {
  static final int MR = 12;
  private static final int NR = 2 * VL;

  private Tile12x2() {}

  /**
   * {@code tile[i·NR + j] = Σ_k a[k·MR + i]·b[k·NR + j]} for the whole tile. Calls nothing but the
   * vector library, which C2 always inlines: a helper left out of line would box the accumulators.
   */
  static void multiply(int kc, float[] a, int ao, float[] b, int bo, float[] tile, int to) {
    FloatVector ca0 = FloatVector.zero(F);
    FloatVector ca1 = FloatVector.zero(F);
    FloatVector cb0 = FloatVector.zero(F);
    FloatVector cb1 = FloatVector.zero(F);
    FloatVector cc0 = FloatVector.zero(F);
    FloatVector cc1 = FloatVector.zero(F);
    FloatVector cd0 = FloatVector.zero(F);
    FloatVector cd1 = FloatVector.zero(F);
    FloatVector ce0 = FloatVector.zero(F);
    FloatVector ce1 = FloatVector.zero(F);
    FloatVector cf0 = FloatVector.zero(F);
    FloatVector cf1 = FloatVector.zero(F);
    FloatVector cg0 = FloatVector.zero(F);
    FloatVector cg1 = FloatVector.zero(F);
    FloatVector ch0 = FloatVector.zero(F);
    FloatVector ch1 = FloatVector.zero(F);
    FloatVector ci0 = FloatVector.zero(F);
    FloatVector ci1 = FloatVector.zero(F);
    FloatVector cj0 = FloatVector.zero(F);
    FloatVector cj1 = FloatVector.zero(F);
    FloatVector ck0 = FloatVector.zero(F);
    FloatVector ck1 = FloatVector.zero(F);
    FloatVector cl0 = FloatVector.zero(F);
    FloatVector cl1 = FloatVector.zero(F);
    for (int k = 0; k < kc; k++) {
      int ka = ao + k * MR;
      int kb = bo + k * NR;
      FloatVector b0 = FloatVector.fromArray(F, b, kb);
      FloatVector b1 = FloatVector.fromArray(F, b, kb + VL);
      FloatVector a0 = FloatVector.broadcast(F, a[ka]);
      ca0 = a0.fma(b0, ca0);
      ca1 = a0.fma(b1, ca1);
      FloatVector a1 = FloatVector.broadcast(F, a[ka + 1]);
      cb0 = a1.fma(b0, cb0);
      cb1 = a1.fma(b1, cb1);
      FloatVector a2 = FloatVector.broadcast(F, a[ka + 2]);
      cc0 = a2.fma(b0, cc0);
      cc1 = a2.fma(b1, cc1);
      FloatVector a3 = FloatVector.broadcast(F, a[ka + 3]);
      cd0 = a3.fma(b0, cd0);
      cd1 = a3.fma(b1, cd1);
      FloatVector a4 = FloatVector.broadcast(F, a[ka + 4]);
      ce0 = a4.fma(b0, ce0);
      ce1 = a4.fma(b1, ce1);
      FloatVector a5 = FloatVector.broadcast(F, a[ka + 5]);
      cf0 = a5.fma(b0, cf0);
      cf1 = a5.fma(b1, cf1);
      FloatVector a6 = FloatVector.broadcast(F, a[ka + 6]);
      cg0 = a6.fma(b0, cg0);
      cg1 = a6.fma(b1, cg1);
      FloatVector a7 = FloatVector.broadcast(F, a[ka + 7]);
      ch0 = a7.fma(b0, ch0);
      ch1 = a7.fma(b1, ch1);
      FloatVector a8 = FloatVector.broadcast(F, a[ka + 8]);
      ci0 = a8.fma(b0, ci0);
      ci1 = a8.fma(b1, ci1);
      FloatVector a9 = FloatVector.broadcast(F, a[ka + 9]);
      cj0 = a9.fma(b0, cj0);
      cj1 = a9.fma(b1, cj1);
      FloatVector a10 = FloatVector.broadcast(F, a[ka + 10]);
      ck0 = a10.fma(b0, ck0);
      ck1 = a10.fma(b1, ck1);
      FloatVector a11 = FloatVector.broadcast(F, a[ka + 11]);
      cl0 = a11.fma(b0, cl0);
      cl1 = a11.fma(b1, cl1);
    }
    ca0.intoArray(tile, to);
    ca1.intoArray(tile, to + VL);
    cb0.intoArray(tile, to + 2 * VL);
    cb1.intoArray(tile, to + 3 * VL);
    cc0.intoArray(tile, to + 4 * VL);
    cc1.intoArray(tile, to + 5 * VL);
    cd0.intoArray(tile, to + 6 * VL);
    cd1.intoArray(tile, to + 7 * VL);
    ce0.intoArray(tile, to + 8 * VL);
    ce1.intoArray(tile, to + 9 * VL);
    cf0.intoArray(tile, to + 10 * VL);
    cf1.intoArray(tile, to + 11 * VL);
    cg0.intoArray(tile, to + 12 * VL);
    cg1.intoArray(tile, to + 13 * VL);
    ch0.intoArray(tile, to + 14 * VL);
    ch1.intoArray(tile, to + 15 * VL);
    ci0.intoArray(tile, to + 16 * VL);
    ci1.intoArray(tile, to + 17 * VL);
    cj0.intoArray(tile, to + 18 * VL);
    cj1.intoArray(tile, to + 19 * VL);
    ck0.intoArray(tile, to + 20 * VL);
    ck1.intoArray(tile, to + 21 * VL);
    cl0.intoArray(tile, to + 22 * VL);
    cl1.intoArray(tile, to + 23 * VL);
  }
}
