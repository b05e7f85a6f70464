package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.F;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.all;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.RotaryShape;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/** Rotary position embedding: every number is read and written once. */
final class RotaryKernels {
  /** Each number's partner. */
  private static final VectorShuffle<Float> SWAPPED = VectorShuffle.fromOp(F, i -> i ^ 1);

  /** The first half of the lanes, each twice. */
  private static final VectorShuffle<Float> FIRST_TWICE = VectorShuffle.fromOp(F, i -> i / 2);

  private static final VectorShuffle<Float> LAST_TWICE = VectorShuffle.fromOp(F, i -> (VL + i) / 2);

  /** −1 for the first number of a pair, 1 for the second. */
  private static final FloatVector ALTERNATING = (FloatVector) F.fromArray(alternating(), 0);

  private RotaryKernels() {}

  private static float[] alternating() {
    float[] signs = new float[VL];
    for (int i = 0; i < VL; i++) signs[i] = i % 2 == 0 ? -1 : 1;
    return signs;
  }

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
        switch (s.pairing()) {
          case HALVES -> halves(x.data(), xo, y.data(), yo, angles.data(), at, pairs, sign);
          case NEIGHBOURS -> neighbours(x.data(), xo, y.data(), yo, angles.data(), at, pairs, sign);
        }
        if (elsewhere && 2 * pairs < dim)
          System.arraycopy(x.data(), xo + 2 * pairs, y.data(), yo + 2 * pairs, dim - 2 * pairs);
      }
    }
  }

  private static void halves(
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

  private static void neighbours(
      float[] x, int xo, float[] y, int yo, float[] angles, int at, int pairs, float sign) {
    FloatVector direction = ALTERNATING.mul(sign);
    int i = 0;
    for (; i < Lanes.bound(pairs); i += VL) {
      FloatVector cos = load(angles, at + i);
      FloatVector sin = load(angles, at + pairs + i);
      FloatVector low = load(x, xo + 2 * i);
      FloatVector high = load(x, xo + 2 * i + VL);
      FloatVector lowSin = sin.rearrange(FIRST_TWICE).mul(direction);
      FloatVector highSin = sin.rearrange(LAST_TWICE).mul(direction);
      low.mul(cos.rearrange(FIRST_TWICE))
          .add(low.rearrange(SWAPPED).mul(lowSin))
          .intoArray(y, yo + 2 * i);
      high.mul(cos.rearrange(LAST_TWICE))
          .add(high.rearrange(SWAPPED).mul(highSin))
          .intoArray(y, yo + 2 * i + VL);
    }
    for (; i < pairs; i++) {
      float first = x[xo + 2 * i];
      float second = x[xo + 2 * i + 1];
      float cos = angles[at + i];
      float sin = angles[at + pairs + i] * sign;
      y[yo + 2 * i] = first * cos - second * sin;
      y[yo + 2 * i + 1] = second * cos + first * sin;
    }
  }
}
