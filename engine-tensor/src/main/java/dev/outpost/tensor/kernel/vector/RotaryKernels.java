package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.all;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.RotaryShape;
import jdk.incubator.vector.FloatVector;

/** Rotary position embedding: every number is read and written once. */
final class RotaryKernels {
  private RotaryKernels() {}

  /** Rows {@code [from, to)} of all sequences. */
  static void rows(
      RotaryShape s, Tensor angles, HeadView x, HeadView y, boolean inverse, int from, int to) {
    int pairs = s.pairs();
    int dim = s.headDim();
    float sign = inverse ? -1 : 1;
    boolean elsewhere = x.data() != y.data() || x.offset() != y.offset();
    for (int r = from; r < to; r++) {
      int b = r / s.time();
      int t = r % s.time();
      int at = angles.offset() + (s.past() + t) * 2 * pairs;
      for (int h = 0; h < s.heads(); h++) {
        int xo = x.at(b, t, h, dim);
        int yo = y.at(b, t, h, dim);
        turn(x.data(), xo, y.data(), yo, angles.data(), at, pairs, sign);
        if (elsewhere && 2 * pairs < dim)
          System.arraycopy(x.data(), xo + 2 * pairs, y.data(), yo + 2 * pairs, dim - 2 * pairs);
      }
    }
  }

  private static void turn(
      float[] x, int xo, float[] y, int yo, float[] angles, int at, int pairs, float sign) {
    FloatVector direction = all(sign);
    int i = 0;
    for (; i < Lanes.bound(pairs); i += VL) {
      FloatVector first = load(x, xo + i);
      FloatVector second = load(x, xo + pairs + i);
      FloatVector cos = load(angles, at + i);
      FloatVector sin = load(angles, at + pairs + i).mul(direction);
      first.mul(cos).sub(second.mul(sin)).intoArray(y, yo + i);
      second.mul(cos).add(first.mul(sin)).intoArray(y, yo + pairs + i);
    }
    for (; i < pairs; i++) {
      float first = x[xo + i];
      float second = x[xo + pairs + i];
      float cos = angles[at + i];
      float sin = angles[at + pairs + i] * sign;
      y[yo + i] = first * cos - second * sin;
      y[yo + pairs + i] = second * cos + first * sin;
    }
  }
}
