package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;

import jdk.incubator.vector.FloatVector;

/**
 * The register tile for 16 vector registers: 4 rows by two vectors. Written out because C2 keeps
 * only local variables in registers. Its scheduler moves every load of an iteration to the front,
 * so 4 broadcasts and two vectors of b are live beside the 8 accumulators; a larger tile spills one
 * accumulator and runs at less than half the speed.
 */
final class Tile4x2 {
  static final int MR = 4;
  private static final int NR = 2 * VL;

  private Tile4x2() {}

  /**
   * {@code tile[i·NR + j] = Σ_k a[k·MR + i]·b[k·NR + j]} for the whole tile. Calls nothing but the
   * vector library, which C2 always inlines: a helper left out of line would box the accumulators.
   */
  static void multiply(int kc, float[] a, int ao, float[] b, int bo, float[] tile, int to) {
    FloatVector c00 = FloatVector.zero(F);
    FloatVector c01 = FloatVector.zero(F);
    FloatVector c10 = FloatVector.zero(F);
    FloatVector c11 = FloatVector.zero(F);
    FloatVector c20 = FloatVector.zero(F);
    FloatVector c21 = FloatVector.zero(F);
    FloatVector c30 = FloatVector.zero(F);
    FloatVector c31 = FloatVector.zero(F);
    for (int k = 0; k < kc; k++) {
      int ka = ao + k * MR;
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
    }
    c00.intoArray(tile, to);
    c01.intoArray(tile, to + VL);
    c10.intoArray(tile, to + 2 * VL);
    c11.intoArray(tile, to + 3 * VL);
    c20.intoArray(tile, to + 4 * VL);
    c21.intoArray(tile, to + 5 * VL);
    c30.intoArray(tile, to + 6 * VL);
    c31.intoArray(tile, to + 7 * VL);
  }
}
