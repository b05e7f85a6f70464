package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.D;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.all;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import dev.outpost.tensor.kernel.AdamWStep;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Element-by-element arithmetic over ranges of arrays: each element is read and written once. */
final class ElementKernels {
  private ElementKernels() {}

  static void axpby(float alpha, float[] x, int xo, float beta, float[] y, int yo, int n) {
    int i = 0;
    if (beta == 0) {
      for (; i < Lanes.bound(n); i += VL) load(x, xo + i).mul(alpha).intoArray(y, yo + i);
      for (; i < n; i++) y[yo + i] = alpha * x[xo + i];
      return;
    }
    FloatVector a = all(alpha);
    for (; i < Lanes.bound(n); i += VL)
      a.fma(load(x, xo + i), load(y, yo + i).mul(beta)).intoArray(y, yo + i);
    for (; i < n; i++) y[yo + i] = Math.fma(alpha, x[xo + i], y[yo + i] * beta);
  }

  static void add(float[] a, int ao, float[] b, int bo, float[] y, int yo, int n) {
    int i = 0;
    // Four at a time by hand: rows are too short for the loop that C2 unrolls.
    for (; i + 4 * VL <= n; i += 4 * VL) {
      FloatVector s0 = load(a, ao + i).add(load(b, bo + i));
      FloatVector s1 = load(a, ao + i + VL).add(load(b, bo + i + VL));
      FloatVector s2 = load(a, ao + i + 2 * VL).add(load(b, bo + i + 2 * VL));
      FloatVector s3 = load(a, ao + i + 3 * VL).add(load(b, bo + i + 3 * VL));
      s0.intoArray(y, yo + i);
      s1.intoArray(y, yo + i + VL);
      s2.intoArray(y, yo + i + 2 * VL);
      s3.intoArray(y, yo + i + 3 * VL);
    }
    for (; i < Lanes.bound(n); i += VL) load(a, ao + i).add(load(b, bo + i)).intoArray(y, yo + i);
    for (; i < n; i++) y[yo + i] = a[ao + i] + b[bo + i];
  }

  static void multiply(
      float[] a, int ao, float[] b, int bo, float[] y, int yo, int n, boolean accumulate) {
    int i = 0;
    if (accumulate) {
      for (; i < Lanes.bound(n); i += VL)
        load(a, ao + i).fma(load(b, bo + i), load(y, yo + i)).intoArray(y, yo + i);
      for (; i < n; i++) y[yo + i] = Math.fma(a[ao + i], b[bo + i], y[yo + i]);
    } else {
      for (; i < Lanes.bound(n); i += VL) load(a, ao + i).mul(load(b, bo + i)).intoArray(y, yo + i);
      for (; i < n; i++) y[yo + i] = a[ao + i] * b[bo + i];
    }
  }

  /** Decoupled weight decay, in the order of PyTorch's {@code adamw}; see {@link AdamWStep}. */
  static void adamW(
      float[] p,
      int po,
      float[] g,
      int go,
      float[] m,
      int mo,
      float[] v,
      int vo,
      int n,
      AdamWStep s) {
    double correct1 = 1 - Math.pow(s.beta1(), s.step());
    double correct2 = 1 - Math.pow(s.beta2(), s.step());
    float keep1 = s.beta1();
    float keep2 = s.beta2();
    float new1 = (float) (1 - (double) keep1);
    float new2 = (float) (1 - (double) keep2);
    float decay = (float) (1 - (double) s.lr() * s.weightDecay());
    float rate = (float) (s.lr() / correct1);
    float root = (float) (1 / Math.sqrt(correct2));
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) {
      FloatVector grad = load(g, go + i).mul(s.gradScale());
      FloatVector m1 = load(m, mo + i).mul(keep1).add(grad.mul(new1));
      FloatVector v1 = load(v, vo + i).mul(keep2).add(grad.mul(grad).mul(new2));
      m1.intoArray(m, mo + i);
      v1.intoArray(v, vo + i);
      FloatVector update = m1.mul(rate).div(v1.sqrt().mul(root).add(s.eps()));
      load(p, po + i).mul(decay).sub(update).intoArray(p, po + i);
    }
    for (; i < n; i++) {
      float grad = g[go + i] * s.gradScale();
      float m1 = m[mo + i] * keep1 + grad * new1;
      float v1 = v[vo + i] * keep2 + grad * grad * new2;
      m[mo + i] = m1;
      v[vo + i] = v1;
      float update = m1 * rate / ((float) Math.sqrt(v1) * root + s.eps());
      p[po + i] = p[po + i] * decay - update;
    }
  }

  /** Σ x² in f64. */
  static double sumSquares(float[] x, int xo, int n) {
    DoubleVector s0 = DoubleVector.zero(D);
    DoubleVector s1 = DoubleVector.zero(D);
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) {
      FloatVector v = load(x, xo + i);
      DoubleVector d0 = (DoubleVector) v.convertShape(VectorOperators.F2D, D, 0);
      DoubleVector d1 = (DoubleVector) v.convertShape(VectorOperators.F2D, D, 1);
      s0 = d0.fma(d0, s0);
      s1 = d1.fma(d1, s1);
    }
    double sum = lanes(s0.add(s1));
    for (; i < n; i++) sum += (double) x[xo + i] * x[xo + i];
    return sum;
  }

  /** Σ (a − b)² in f64. */
  static double sumSquaredDifference(float[] a, int ao, float[] b, int bo, int n) {
    DoubleVector s0 = DoubleVector.zero(D);
    DoubleVector s1 = DoubleVector.zero(D);
    int i = 0;
    for (; i < Lanes.bound(n); i += VL) {
      FloatVector x = load(a, ao + i);
      FloatVector y = load(b, bo + i);
      DoubleVector d0 = difference(x, y, 0);
      DoubleVector d1 = difference(x, y, 1);
      s0 = d0.fma(d0, s0);
      s1 = d1.fma(d1, s1);
    }
    double sum = lanes(s0.add(s1));
    for (; i < n; i++) {
      double d = (double) a[ao + i] - b[bo + i];
      sum += d * d;
    }
    return sum;
  }

  private static DoubleVector difference(FloatVector x, FloatVector y, int part) {
    DoubleVector dx = (DoubleVector) x.convertShape(VectorOperators.F2D, D, part);
    DoubleVector dy = (DoubleVector) y.convertShape(VectorOperators.F2D, D, part);
    return dx.sub(dy);
  }

  private static double lanes(DoubleVector v) {
    double sum = 0;
    for (int i = 0; i < D.length(); i++) sum += v.lane(i);
    return sum;
  }
}
