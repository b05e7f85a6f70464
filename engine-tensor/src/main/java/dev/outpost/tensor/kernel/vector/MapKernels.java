package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.all;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import dev.outpost.tensor.kernel.UnaryMap;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The element-wise functions and their derivatives over ranges of arrays. One method per function:
 * a choice per vector would cost more than most of the functions, and several loops in one method
 * are more than C2 inlines; it then passes vectors as heap objects. The tail runs the same loop on
 * a vector of its own, so an element's bits do not depend on its place.
 */
final class MapKernels {
  private static final float ROOT_2_OVER_PI = (float) Math.sqrt(2 / Math.PI);
  private static final float CUBIC = 0.044715f;
  private static final float QUICK = 1.702f;
  private static final float INVERSE_ROOT_2_PI = (float) (1 / Math.sqrt(2 * Math.PI));

  private MapKernels() {}

  // Through interfaces: calls in a switch would let C2 inline every loop that is hot into one
  // method, beyond what it inlines vectors in.

  private static Loop loop(UnaryMap op) {
    return switch (op) {
      case GELU_TANH -> MapKernels::geluTanh;
      case GELU_ERF -> MapKernels::geluErf;
      case TANH -> MapKernels::tanh;
      case RELU -> MapKernels::relu;
      case SILU -> MapKernels::silu;
      case QUICK_GELU -> MapKernels::quickGelu;
    };
  }

  private static SlopeLoop slopeLoop(UnaryMap op) {
    return switch (op) {
      case GELU_TANH -> MapKernels::geluTanhBackward;
      case GELU_ERF -> MapKernels::geluErfBackward;
      case TANH -> MapKernels::tanhBackward;
      case RELU -> MapKernels::reluBackward;
      case SILU -> MapKernels::siluBackward;
      case QUICK_GELU -> MapKernels::quickGeluBackward;
    };
  }

  @FunctionalInterface
  private interface Loop {
    void run(float[] x, int xo, float[] y, int yo, int bound);
  }

  @FunctionalInterface
  private interface SlopeLoop {
    void run(float[] x, int xo, float[] dy, int dyo, float[] dx, int dxo, int bound, boolean add);
  }

  static void map(UnaryMap op, float[] x, int xo, float[] y, int yo, int n) {
    int bound = Lanes.bound(n);
    Loop loop = loop(op);
    loop.run(x, xo, y, yo, bound);
    if (bound == n) return;
    float[] rest = new float[VL];
    System.arraycopy(x, xo + bound, rest, 0, n - bound);
    loop.run(rest, 0, rest, 0, VL);
    System.arraycopy(rest, 0, y, yo + bound, n - bound);
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

  private static void quickGelu(float[] x, int xo, float[] y, int yo, int bound) {
    for (int i = 0; i < bound; i += VL) quickGelu(load(x, xo + i)).intoArray(y, yo + i);
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
    SlopeLoop loop = slopeLoop(op);
    loop.run(x, xo, dy, dyo, dx, dxo, bound, add);
    if (bound == n) return;
    float[] rest = new float[3 * VL];
    System.arraycopy(x, xo + bound, rest, 0, n - bound);
    System.arraycopy(dy, dyo + bound, rest, VL, n - bound);
    System.arraycopy(dx, dxo + bound, rest, 2 * VL, n - bound);
    loop.run(rest, 0, rest, VL, rest, 2 * VL, VL, add);
    System.arraycopy(rest, 2 * VL, dx, dxo + bound, n - bound);
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

  private static void quickGeluBackward(
      float[] x, int xo, float[] dy, int dyo, float[] dx, int dxo, int bound, boolean add) {
    for (int i = 0; i < bound; i += VL) {
      FloatVector d = load(dy, dyo + i);
      FloatVector old = add ? load(dx, dxo + i) : all(0f);
      quickGeluSlope(load(x, xo + i)).fma(d, old).intoArray(dx, dxo + i);
    }
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

  private static FloatVector quickGelu(FloatVector x) {
    return x.mul(VectorMath.sigmoid(x.mul(QUICK)));
  }

  private static FloatVector quickGeluSlope(FloatVector x) {
    FloatVector q = x.mul(QUICK);
    FloatVector s = VectorMath.sigmoid(q);
    return q.mul(s).fma(VectorMath.ONE.sub(s), s);
  }
}
