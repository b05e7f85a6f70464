package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.all;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Transcendental functions in f32 vectors, of additions and multiplications only: the same bits in
 * the interpreter, after compilation and at every width. The lane operators of the Vector API
 * promise none of that and fall back to scalar calls on some machines.
 */
final class VectorMath {
  private static final float LOG2_E = 1.44269504f;
  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;

  /** Adding 1.5·2²³ leaves the nearest integer in the low bits of the sum. */
  private static final float ROUNDER = 12582912f;

  private static final float EXP_MAX = 88.722839f;
  private static final float EXP_MIN = -87.336544f;

  // Vectors, not floats: each broadcast costs C2 many nodes, and a loop that reaches its limit
  // is left with calls that pass vectors as heap objects, at a fraction of the speed.
  static final FloatVector ONE = all(1f);
  private static final FloatVector TWO = all(2f);
  private static final FloatVector HALF = all(0.5f);
  private static final FloatVector TANH_0 = all(-5.70498872745e-3f);
  private static final FloatVector TANH_1 = all(2.06390887954e-2f);
  private static final FloatVector TANH_2 = all(-5.37397155531e-2f);
  private static final FloatVector TANH_3 = all(1.33314422036e-1f);
  private static final FloatVector TANH_4 = all(-3.33332819422e-1f);
  private static final FloatVector TAIL_0 = all(-0.03750051f);
  private static final FloatVector TAIL_1 = all(0.17848493f);
  private static final FloatVector TAIL_2 = all(-0.28895074f);
  private static final FloatVector TAIL_3 = all(0.05570253f);
  private static final FloatVector TAIL_4 = all(0.38531471f);
  private static final FloatVector TAIL_5 = all(-0.42798952f);
  private static final FloatVector TAIL_6 = all(0.06190346f);
  private static final FloatVector TAIL_7 = all(0.02070482f);
  private static final FloatVector TAIL_8 = all(0.15369288f);
  private static final FloatVector TAIL_9 = all(0.19915607f);
  private static final FloatVector TAIL_10 = all(0.19948136f);

  private VectorMath() {}

  /** e^x within 2 ulp; 0 below −87.33 (no subnormals), +∞ above 88.72, NaN stays (Cephes expf). */
  static FloatVector exp(FloatVector x) {
    FloatVector t = x.fma(all(LOG2_E), all(ROUNDER));
    FloatVector n = t.sub(ROUNDER);
    FloatVector r = n.fma(all(-LN2_HIGH), x);
    r = n.fma(all(-LN2_LOW), r);
    FloatVector p = all(1.9875691500e-4f).fma(r, all(1.3981999507e-3f));
    p = p.fma(r, all(8.3334519073e-3f));
    p = p.fma(r, all(4.1665795894e-2f));
    p = p.fma(r, all(1.6666665459e-1f));
    p = p.fma(r, all(5.0000001201e-1f));
    p = p.fma(r.mul(r), r).add(1f);
    FloatVector y =
        p.reinterpretAsInts()
            .add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
            .reinterpretAsFloats();
    y = y.blend(0f, x.compare(VectorOperators.LT, EXP_MIN));
    return y.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, EXP_MAX));
  }

  /** As {@link #exp} for x of at most 0, which cannot overflow. */
  static FloatVector expDown(FloatVector x) {
    FloatVector t = x.fma(all(LOG2_E), all(ROUNDER));
    FloatVector n = t.sub(ROUNDER);
    FloatVector r = n.fma(all(-LN2_HIGH), x);
    r = n.fma(all(-LN2_LOW), r);
    return power(x, t, r);
  }

  /** {@code 2ⁿ·e^r}, n in t's low bits; 0 where x is below e's range. */
  private static FloatVector power(FloatVector x, FloatVector t, FloatVector r) {
    FloatVector p = all(1.9875691500e-4f).fma(r, all(1.3981999507e-3f));
    p = p.fma(r, all(8.3334519073e-3f));
    p = p.fma(r, all(4.1665795894e-2f));
    p = p.fma(r, all(1.6666665459e-1f));
    p = p.fma(r, all(5.0000001201e-1f));
    p = p.fma(r.mul(r), r).add(1f);
    return p.reinterpretAsInts()
        .add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
        .reinterpretAsFloats()
        .blend(0f, x.compare(VectorOperators.LT, EXP_MIN));
  }

  /** The same arithmetic for one number, bit for bit: the end of a row that fills no vector. */
  static float exp(float x) {
    float t = Math.fma(x, LOG2_E, ROUNDER);
    float n = t - ROUNDER;
    float r = Math.fma(n, -LN2_HIGH, x);
    r = Math.fma(n, -LN2_LOW, r);
    float p = Math.fma(1.9875691500e-4f, r, 1.3981999507e-3f);
    p = Math.fma(p, r, 8.3334519073e-3f);
    p = Math.fma(p, r, 4.1665795894e-2f);
    p = Math.fma(p, r, 1.6666665459e-1f);
    p = Math.fma(p, r, 5.0000001201e-1f);
    p = Math.fma(p, r * r, r) + 1f;
    if (x < EXP_MIN) return 0;
    if (x > EXP_MAX) return Float.POSITIVE_INFINITY;
    return Float.intBitsToFloat(Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(t) << 23));
  }

  /** 1 / (1 + e^−x), relative error within 4 ulp also where it is tiny. */
  static FloatVector sigmoid(FloatVector x) {
    return all(1f).div(exp(x.neg()).add(1f));
  }

  /** tanh x within 3 ulp: Cephes' odd polynomial near zero, 1 − 2/(e^2|x| + 1) elsewhere. */
  static FloatVector tanh(FloatVector x) {
    FloatVector a = x.abs();
    FloatVector z = x.mul(x);
    FloatVector p = TANH_0.fma(z, TANH_1);
    p = p.fma(z, TANH_2);
    p = p.fma(z, TANH_3);
    p = p.fma(z, TANH_4);
    FloatVector near = p.mul(z).fma(x, x);
    FloatVector far = ONE.sub(TWO.div(exp(a.add(a)).add(1f)));
    far = far.blend(far.neg(), x.compare(VectorOperators.LT, 0f));
    return far.blend(near, a.compare(VectorOperators.LT, 0.625f));
  }

  /**
   * Φ(−|x|), the lower tail of the normal distribution, relative error below 1e-6: e^(−x²/2) times
   * a polynomial in t = 1/(1 + |x|/2), fitted by least squares with weights to Φ(−z)·e^(z²/2) on
   * [0, 14].
   *
   * @param bell e^(−x²/2)
   */
  static FloatVector normalTail(FloatVector x, FloatVector bell) {
    FloatVector t = ONE.div(x.abs().fma(HALF, ONE));
    FloatVector p = TAIL_0.fma(t, TAIL_1);
    p = p.fma(t, TAIL_2);
    p = p.fma(t, TAIL_3);
    p = p.fma(t, TAIL_4);
    p = p.fma(t, TAIL_5);
    p = p.fma(t, TAIL_6);
    p = p.fma(t, TAIL_7);
    p = p.fma(t, TAIL_8);
    p = p.fma(t, TAIL_9);
    p = p.fma(t, TAIL_10);
    return p.mul(t).mul(bell);
  }

  /**
   * e^(−x²/2) by exp's arithmetic, but the remainder is taken from the exact square: with a rounded
   * one the tail would lose digits. {@code n·LN2_HIGH} is exact.
   */
  static FloatVector bell(FloatVector x) {
    FloatVector half = x.mul(-0.5f);
    FloatVector square = half.mul(x);
    FloatVector t = square.fma(all(LOG2_E), all(ROUNDER));
    FloatVector n = t.sub(ROUNDER);
    FloatVector r = half.fma(x, n.mul(-LN2_HIGH));
    r = n.fma(all(-LN2_LOW), r);
    return power(square, t, r);
  }

  /** Φ(x), the normal distribution. */
  static FloatVector normal(FloatVector x, FloatVector bell) {
    FloatVector tail = normalTail(x, bell);
    return tail.blend(ONE.sub(tail), x.compare(VectorOperators.GE, 0f));
  }
}
