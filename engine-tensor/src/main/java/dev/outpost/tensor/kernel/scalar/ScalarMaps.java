package dev.outpost.tensor.kernel.scalar;

import dev.outpost.tensor.kernel.UnaryMap;

/** The element-wise functions and their derivatives in f64. */
final class ScalarMaps {
  private static final double ROOT_2_OVER_PI = Math.sqrt(2 / Math.PI);
  private static final double ROOT_HALF = Math.sqrt(0.5);
  private static final double INVERSE_ROOT_2_PI = 1 / Math.sqrt(2 * Math.PI);

  private static final double QUICK = 1.702;

  private ScalarMaps() {}

  static double value(UnaryMap op, double x) {
    return switch (op) {
      // (1 + tanh u) / 2 = 1 / (1 + e^−2u) keeps its digits where tanh is near −1.
      case GELU_TANH -> x / (1 + Math.exp(-2 * ROOT_2_OVER_PI * (x + 0.044715 * x * x * x)));
      case GELU_ERF -> 0.5 * x * Erf.erfc(-x * ROOT_HALF);
      case TANH -> Math.tanh(x);
      // Written so that NaN passes through.
      case RELU -> x <= 0 ? 0 : x;
      case SILU -> x / (1 + Math.exp(-x));
      case QUICK_GELU -> x / (1 + Math.exp(-QUICK * x));
    };
  }

  static double slope(UnaryMap op, double x) {
    return switch (op) {
      case GELU_TANH -> {
        double t = Math.tanh(ROOT_2_OVER_PI * (x + 0.044715 * x * x * x));
        yield 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * ROOT_2_OVER_PI * (1 + 3 * 0.044715 * x * x);
      }
      case GELU_ERF ->
          0.5 * (1 + Erf.erf(x * ROOT_HALF)) + x * INVERSE_ROOT_2_PI * Math.exp(-0.5 * x * x);
      case TANH -> {
        double t = Math.tanh(x);
        yield 1 - t * t;
      }
      case RELU -> x > 0 ? 1 : 0;
      case SILU -> {
        double s = 1 / (1 + Math.exp(-x));
        yield s * (1 + x * (1 - s));
      }
      case QUICK_GELU -> {
        double s = 1 / (1 + Math.exp(-QUICK * x));
        yield s * (1 + QUICK * x * (1 - s));
      }
    };
  }
}
