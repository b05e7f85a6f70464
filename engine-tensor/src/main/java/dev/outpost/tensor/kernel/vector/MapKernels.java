package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.all;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import dev.outpost.tensor.kernel.UnaryMap;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The element-wise functions and their derivatives over ranges of arrays. One method per function:
 * a choice per vector would cost more than most of the functions, and several loops in one method
 * are more than C2 inlines; it then passes vectors as heap objects. The tail runs the same code
 * under a mask, so an element's bits do not depend on its place.
 */
final class MapKernels {
  private static final float ROOT_2_OVER_PI = (float) Math.sqrt(2 / Math.PI);
  private static final float CUBIC = 0.044715f;
  private static final float INVERSE_ROOT_2_PI = (float) (1 / Math.sqrt(2 * Math.PI));

  private MapKernels() {}

  static void map(UnaryMap op, float[] x, int xo, float[] y, int yo, int n) {
    int bound = Lanes.bound(n);
    switch (op) {
      case GELU_TANH -> geluTanh(x, xo, y, yo, bound);
      case GELU_ERF -> geluErf(x, xo, y, yo, bound);
      case TANH -> tanh(x, xo, y, yo, bound);
      case RELU -> relu(x, xo, y, yo, bound);
      case SILU -> silu(x, xo, y, yo, bound);
    }
    if (bound < n) mapTail(op, x, xo, y, yo, bound, n);
  }

  private static void geluTanh(float[] x, int xo, float[] y, int yo, int bound) {
    for (int i = 0; i < bound; i += VL) geluTanh(load(x, xo + i)).intoArray(y, yo + i);
  }

  private static void geluErf(float[] x, int xo, float[] y, int yo, int bound) {
    for (int i = 0; i < bound; i += VL) geluErf(load(x, xo + i)).intoArray(y, yo + i);
  }

  private static void tanh(float[] x, int xo, float[] y, int yo, int bound) {
    for (int i = 0; i < bound; i += VL) VectorMath.tanh(load(x, xo + i)).intoArray(y, yo + i);
  }

  private static void relu(float[] x, int xo, float[] y, int yo, int bound) {
    for (int i = 0; i < bound; i += VL) relu(load(x, xo + i)).intoArray(y, yo + i);
  }

  private static void silu(float[] x, int xo, float[] y, int yo, int bound) {
    for (int i = 0; i < bound; i += VL) silu(load(x, xo + i)).intoArray(y, yo + i);
  }

  private static void mapTail(UnaryMap op, float[] x, int xo, float[] y, int yo, int bound, int n) {
    VectorMask<Float> rest = F.indexInRange(bound, n);
    value(op, FloatVector.fromArray(F, x, xo + bound, rest)).intoArray(y, yo + bound, rest);
  }

  static void backward(
      UnaryMap op,
      float[] x,
      int xo,
      float[] dy,
      int dyo,
      float[] dx,
      int dxo,
      int n,
      boolean add) {
    int bound = Lanes.bound(n);
    switch (op) {
      case GELU_TANH -> geluTanhBackward(x, xo, dy, dyo, dx, dxo, bound, add);
      case GELU_ERF -> geluErfBackward(x, xo, dy, dyo, dx, dxo, bound, add);
      case TANH -> tanhBackward(x, xo, dy, dyo, dx, dxo, bound, add);
      case RELU -> reluBackward(x, xo, dy, dyo, dx, dxo, bound, add);
      case SILU -> siluBackward(x, xo, dy, dyo, dx, dxo, bound, add);
    }
    if (bound < n) backwardTail(op, x, xo, dy, dyo, dx, dxo, bound, n, add);
  }

  private static void geluTanhBackward(
      float[] x, int xo, float[] dy, int dyo, float[] dx, int dxo, int bound, boolean add) {
    for (int i = 0; i < bound; i += VL) {
      FloatVector d = load(dy, dyo + i);
      FloatVector old = add ? load(dx, dxo + i) : all(0f);
      geluTanhSlope(load(x, xo + i)).fma(d, old).intoArray(dx, dxo + i);
    }
  }

  private static void geluErfBackward(
      float[] x, int xo, float[] dy, int dyo, float[] dx, int dxo, int bound, boolean add) {
    for (int i = 0; i < bound; i += VL) {
      FloatVector d = load(dy, dyo + i);
      FloatVector old = add ? load(dx, dxo + i) : all(0f);
      geluErfSlope(load(x, xo + i)).fma(d, old).intoArray(dx, dxo + i);
    }
  }

  private static void tanhBackward(
      float[] x, int xo, float[] dy, int dyo, float[] dx, int dxo, int bound, boolean add) {
    for (int i = 0; i < bound; i += VL) {
      FloatVector d = load(dy, dyo + i);
      FloatVector old = add ? load(dx, dxo + i) : all(0f);
      tanhSlope(load(x, xo + i)).fma(d, old).intoArray(dx, dxo + i);
    }
  }

  private static void reluBackward(
      float[] x, int xo, float[] dy, int dyo, float[] dx, int dxo, int bound, boolean add) {
    for (int i = 0; i < bound; i += VL) {
      FloatVector d = load(dy, dyo + i);
      FloatVector old = add ? load(dx, dxo + i) : all(0f);
      reluSlope(load(x, xo + i)).fma(d, old).intoArray(dx, dxo + i);
    }
  }

  private static void siluBackward(
      float[] x, int xo, float[] dy, int dyo, float[] dx, int dxo, int bound, boolean add) {
    for (int i = 0; i < bound; i += VL) {
      FloatVector d = load(dy, dyo + i);
      FloatVector old = add ? load(dx, dxo + i) : all(0f);
      siluSlope(load(x, xo + i)).fma(d, old).intoArray(dx, dxo + i);
    }
  }

  private static void backwardTail(
      UnaryMap op,
      float[] x,
      int xo,
      float[] dy,
      int dyo,
      float[] dx,
      int dxo,
      int bound,
      int n,
      boolean add) {
    VectorMask<Float> rest = F.indexInRange(bound, n);
    FloatVector s = slope(op, FloatVector.fromArray(F, x, xo + bound, rest));
    FloatVector d = FloatVector.fromArray(F, dy, dyo + bound, rest);
    FloatVector old = add ? FloatVector.fromArray(F, dx, dxo + bound, rest) : all(0f);
    s.fma(d, old).intoArray(dx, dxo + bound, rest);
  }

  private static FloatVector value(UnaryMap op, FloatVector x) {
    return switch (op) {
      case GELU_TANH -> geluTanh(x);
      case GELU_ERF -> geluErf(x);
      case TANH -> VectorMath.tanh(x);
      case RELU -> relu(x);
      case SILU -> silu(x);
    };
  }

  private static FloatVector slope(UnaryMap op, FloatVector x) {
    return switch (op) {
      case GELU_TANH -> geluTanhSlope(x);
      case GELU_ERF -> geluErfSlope(x);
      case TANH -> tanhSlope(x);
      case RELU -> reluSlope(x);
      case SILU -> siluSlope(x);
    };
  }

  /** {@code 0.5·(1 + tanh u) = σ(2u)}, which keeps its digits where tanh is near −1. */
  private static FloatVector geluTanh(FloatVector x) {
    return x.mul(VectorMath.sigmoid(twiceInner(x)));
  }

  private static FloatVector twiceInner(FloatVector x) {
    FloatVector cubic = x.mul(x).fma(all(CUBIC), all(1f));
    return x.mul(2 * ROOT_2_OVER_PI).mul(cubic);
  }

  private static FloatVector geluTanhSlope(FloatVector x) {
    FloatVector s = VectorMath.sigmoid(twiceInner(x));
    FloatVector du = x.mul(x).fma(all(3 * CUBIC), VectorMath.ONE).mul(2 * ROOT_2_OVER_PI);
    // Far out s·(1−s) is 0 but x·du may overflow; a clamp keeps 0·∞ away.
    FloatVector reach = x.max(-1e6f).min(1e6f).mul(du.min(1e12f));
    return reach.mul(s).fma(VectorMath.ONE.sub(s), s);
  }

  private static FloatVector geluErf(FloatVector x) {
    return x.mul(VectorMath.normal(x, VectorMath.bell(x)));
  }

  private static FloatVector geluErfSlope(FloatVector x) {
    FloatVector bell = VectorMath.bell(x);
    return x.mul(INVERSE_ROOT_2_PI).fma(bell, VectorMath.normal(x, bell));
  }

  private static FloatVector tanhSlope(FloatVector x) {
    FloatVector t = VectorMath.tanh(x);
    return t.neg().fma(t, VectorMath.ONE);
  }

  private static FloatVector relu(FloatVector x) {
    return x.blend(0f, x.compare(VectorOperators.LE, 0f));
  }

  private static FloatVector reluSlope(FloatVector x) {
    return all(0f).blend(1f, x.compare(VectorOperators.GT, 0f));
  }

  private static FloatVector silu(FloatVector x) {
    return x.mul(VectorMath.sigmoid(x));
  }

  private static FloatVector siluSlope(FloatVector x) {
    FloatVector s = VectorMath.sigmoid(x);
    return x.mul(s).fma(VectorMath.ONE.sub(s), s);
  }
}
