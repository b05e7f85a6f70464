package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.AttentionTile.NR;
import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.all;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * What attention does to a block of scores [n, NR] between its products. Called through one
 * interface on purpose: C2 cannot inline a call with so many targets, and inlined together the
 * loops would pass what it inlines vectors in, and leave them as heap objects.
 */
enum AttentionStep {
  /** Each lane's maximum: {@code w[x + lane] = max(w[x + lane], block)}; NaN shows in the sum. */
  MAX {
    @Override
    void run(float[] w, int at, int n, int x, int y, int z) {
      for (int c = 0; c < NR; c += VL) {
        FloatVector even = load(w, x + c);
        FloatVector odd = even;
        int r = 0;
        for (; r + 2 <= n; r += 2) {
          even = Lanes.larger(even, load(w, at + r * NR + c));
          odd = Lanes.larger(odd, load(w, at + (r + 1) * NR + c));
        }
        if (r < n) even = Lanes.larger(even, load(w, at + r * NR + c));
        Lanes.larger(even, odd).intoArray(w, x + c);
      }
    }
  },

  /** {@code s = e^(s − w[x + lane])}, added up to {@code w[y + lane]}. */
  EXP {
    @Override
    void run(float[] w, int at, int n, int x, int y, int z) {
      for (int c = 0; c < NR; c += VL) {
        FloatVector max = load(w, x + c);
        FloatVector sum = load(w, y + c);
        for (int r = 0; r < n; r++) {
          FloatVector e = VectorMath.exp(load(w, at + r * NR + c).sub(max));
          e.intoArray(w, at + r * NR + c);
          sum = sum.add(e);
        }
        sum.intoArray(w, y + c);
      }
    }
  },

  /** Every row times its lane's factor {@code w[x + lane]}. */
  SCALE {
    @Override
    void run(float[] w, int at, int n, int x, int y, int z) {
      for (int c = 0; c < NR; c += VL) {
        FloatVector factor = load(w, x + c);
        for (int r = 0; r < n; r++) {
          int i = at + r * NR + c;
          load(w, i).mul(factor).intoArray(w, i);
        }
      }
    }
  },

  /** Capped scores: {@code s = w[x]·tanh(s / w[x])}. */
  CAP {
    @Override
    void run(float[] w, int at, int n, int x, int y, int z) {
      FloatVector cap = all(w[x]);
      FloatVector inverse = all(1 / w[x]);
      for (int i = at; i < at + n * NR; i += VL)
        VectorMath.tanh(load(w, i).mul(inverse)).mul(cap).intoArray(w, i);
    }
  },

  /** As {@link #CAP}, and in the block at y the derivative, {@code 1 − tanh²}. */
  CAP_SLOPE {
    @Override
    void run(float[] w, int at, int n, int x, int y, int z) {
      FloatVector cap = all(w[x]);
      FloatVector inverse = all(1 / w[x]);
      for (int i = 0; i < n * NR; i += VL) {
        FloatVector t = VectorMath.tanh(load(w, at + i).mul(inverse));
        t.mul(cap).intoArray(w, at + i);
        t.neg().fma(t, VectorMath.ONE).intoArray(w, y + i);
      }
    }
  },

  /** A bias that grows with the distance: {@code s += w[x]·(row − lane + y)}. */
  BIAS {
    @Override
    void run(float[] w, int at, int n, int x, int y, int z) {
      FloatVector slope = all(w[x]);
      for (int c = 0; c < NR; c += VL) {
        FloatVector lane = LANE.add(c - y);
        for (int r = 0; r < n; r++) {
          int i = at + r * NR + c;
          all((float) r).sub(lane).fma(slope, load(w, i)).intoArray(w, i);
        }
      }
    }
  },

  /** Scores with {@code row − lane < y} become −∞. */
  HIDE_BELOW {
    @Override
    void run(float[] w, int at, int n, int x, int y, int z) {
      for (int c = 0; c < NR; c += VL)
        for (int r = 0; r < n; r++) {
          int i = at + r * NR + c;
          load(w, i)
              .blend(
                  Float.NEGATIVE_INFINITY,
                  LANE.compare(VectorOperators.GT, all((float) (r - c - y))))
              .intoArray(w, i);
        }
    }
  },

  /** Scores with {@code row − lane > y} become −∞. */
  HIDE_ABOVE {
    @Override
    void run(float[] w, int at, int n, int x, int y, int z) {
      for (int c = 0; c < NR; c += VL)
        for (int r = 0; r < n; r++) {
          int i = at + r * NR + c;
          load(w, i)
              .blend(
                  Float.NEGATIVE_INFINITY,
                  LANE.compare(VectorOperators.LT, all((float) (r - c - y))))
              .intoArray(w, i);
        }
    }
  },

  /** Scores in lanes from y on become −∞. */
  HIDE_LANES {
    @Override
    void run(float[] w, int at, int n, int x, int y, int z) {
      for (int c = 0; c < NR; c += VL) {
        FloatVector limit = all((float) (y - c));
        for (int r = 0; r < n; r++) {
          int i = at + r * NR + c;
          load(w, i)
              .blend(Float.NEGATIVE_INFINITY, LANE.compare(VectorOperators.GE, limit))
              .intoArray(w, i);
        }
      }
    }
  },

  /** Every number times its like in the block at x. */
  MULTIPLY {
    @Override
    void run(float[] w, int at, int n, int x, int y, int z) {
      for (int i = 0; i < n * NR; i += VL) load(w, at + i).mul(load(w, x + i)).intoArray(w, at + i);
    }
  },

  /** {@code p = e^(s − w[y + row])} and, in the block at x, {@code ds = p·(dp − w[z + row])}. */
  GRADIENT {
    @Override
    void run(float[] w, int at, int n, int x, int y, int z) {
      for (int c = 0; c < NR; c += VL)
        for (int r = 0; r < n; r++) {
          int i = r * NR + c;
          FloatVector p = VectorMath.exp(load(w, at + i).sub(w[y + r]));
          p.intoArray(w, at + i);
          // Not by load: behind exp C2 inlines only the vector library, and a call boxes its
          // vector.
          FloatVector dp = FloatVector.fromArray(Lanes.F, w, x + i);
          dp.sub(w[z + r]).mul(p).intoArray(w, x + i);
        }
    }
  };

  private static final FloatVector LANE = FloatVector.zero(Lanes.F).addIndex(1);

  abstract void run(float[] w, int at, int n, int x, int y, int z);

  /** The one place steps are called from. */
  static void apply(AttentionStep step, float[] w, int at, int n, int x, int y, int z) {
    step.run(w, at, n, x, y, z);
  }
}
