package dev.outpost.tornado.body;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Functions made of e^x, by additions and multiplications only: devices' own may be a quick
 * approximation, depending on their settings.
 */
final class Exponential {
  private static final float LOG2_E = 1.44269504f;
  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;

  /** e to more than this is infinite, to less than its negative zero. */
  private static final float RANGE = 110f;

  private Exponential() {}

  /** x, or the nearest of ±110: all that e^x has to tell apart. NaN stays. */
  static float within(float x) {
    float v = x > RANGE ? RANGE : x;
    return v < -RANGE ? -RANGE : v;
  }

  /**
   * e^(high + low) within 2 ulp, for a sum in ±256 whose larger part is exact: Cephes' expf, whose
   * remainder takes the smaller part up. NaN stays.
   */
  static float exp(FloatArray heap, float high, float low) {
    float x = high + low;
    int n = (int) (x * LOG2_E + (x < 0f ? -0.5f : 0.5f));
    n = TornadoMath.max(-250, TornadoMath.min(250, n));
    float r = high - n * LN2_HIGH + (low - n * LN2_LOW);
    float p = 1.9875691500e-4f * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1f;
    // In two steps: 2ⁿ alone may be out of range.
    int half = n >> 1;
    return p * heap.get(Stored.ONE + half) * heap.get(Stored.ONE + n - half);
  }

  /** e^−|x|. */
  static float down(FloatArray heap, float x) {
    return exp(heap, -TornadoMath.abs(within(x)), 0f);
  }

  /** tanh x within 3 ulp: Cephes' odd polynomial near zero, (1 − e^−2|x|) / (1 + e^−2|x|) else. */
  static float tanh(FloatArray heap, float x) {
    float a = TornadoMath.abs(x);
    if (a < 0.625f) {
      float z = x * x;
      float p = -5.70498872745e-3f * z + 2.06390887954e-2f;
      p = p * z - 5.37397155531e-2f;
      p = p * z + 1.33314422036e-1f;
      p = p * z - 3.33332819422e-1f;
      return p * z * x + x;
    }
    float e = down(heap, a + a);
    float t = (1f - e) / (1f + e);
    return x < 0f ? -t : t;
  }

  /** e^(−x²/2): with a rounded square its tail would lose digits. */
  static float bell(FloatArray heap, float x) {
    float a = TornadoMath.abs(within(x));
    float z = a > 16f ? 16f : a;
    float top = ((int) (z * 128f)) * 0.0078125f;
    return exp(heap, -0.5f * top * top, -0.5f * (z - top) * (z + top));
  }

  /**
   * Φ(x), the normal distribution, its lower tail with a relative error below 1e-6: the bell times
   * a polynomial in t = 1/(1 + |x|/2), fitted by least squares with weights to Φ(−z)·e^(z²/2) on
   * [0, 14].
   *
   * @param bell e^(−x²/2)
   */
  static float normal(float x, float bell) {
    float t = 1f / (TornadoMath.abs(x) * 0.5f + 1f);
    float p = -0.03750051f * t + 0.17848493f;
    p = p * t - 0.28895074f;
    p = p * t + 0.05570253f;
    p = p * t + 0.38531471f;
    p = p * t - 0.42798952f;
    p = p * t + 0.06190346f;
    p = p * t + 0.02070482f;
    p = p * t + 0.15369288f;
    p = p * t + 0.19915607f;
    p = p * t + 0.19948136f;
    float tail = p * t * bell;
    return x < 0f ? tail : 1f - tail;
  }
}
