package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import jdk.incubator.vector.FloatVector;

/**
 * The register tile for 32 vector registers: 8 rows by two vectors. Written out because C2 keeps
 * only local variables in registers. Its scheduler moves every load of an iteration to the front,
 * so 8 broadcasts and two vectors of b are live beside the 16 accumulators; a larger tile spills
 * one accumulator and runs at less than half the speed.
 */
final class Tile8x2 {
  private static final int MR = 8;
  private static final int NR = 2 * VL;

  private Tile8x2() {}

  /** {@code c[i, j] (+)= Σ_k a[k·MR + i]·b[k·NR + j]} for the whole tile. */
  static void multiply(
      int kc, float[] a, int ao, float[] b, int bo, float[] c, int co, int ldc, boolean add) {
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
      int ka = ao + k * MR;
      int kb = bo + k * NR;
      FloatVector b0 = load(b, kb);
      FloatVector b1 = load(b, kb + VL);
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
    store(c00, c01, c, at, add);
    at += ldc;
    store(c10, c11, c, at, add);
    at += ldc;
    store(c20, c21, c, at, add);
    at += ldc;
    store(c30, c31, c, at, add);
    at += ldc;
    store(c40, c41, c, at, add);
    at += ldc;
    store(c50, c51, c, at, add);
    at += ldc;
    store(c60, c61, c, at, add);
    at += ldc;
    store(c70, c71, c, at, add);
  }

  private static void store(FloatVector x0, FloatVector x1, float[] c, int at, boolean add) {
    if (add) {
      x0.add(load(c, at)).intoArray(c, at);
      x1.add(load(c, at + VL)).intoArray(c, at + VL);
    } else {
      x0.intoArray(c, at);
      x1.intoArray(c, at + VL);
    }
  }
}
