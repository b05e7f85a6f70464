package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import dev.outpost.tensor.kernel.UnaryMap;
import jdk.incubator.vector.FloatVector;

/**
 * Gated activations over ranges of arrays. SiLU, whose gate is everybody's, has loops of its own
 * that touch each number once; the others go in pieces that stay in the first cache.
 */
final class GateKernels {
  /** Floats of scratch that {@link #backward} wants. */
  static final int PIECE = 1024;

  private GateKernels() {}

  /** {@code y = op(gate)·up}. */
  static void forward(
      UnaryMap op, float[] gate, int go, float[] up, int uo, float[] y, int yo, int n) {
    if (op == UnaryMap.SILU) {
      int bound = Lanes.bound(n);
      silu(gate, go, up, uo, y, yo, bound);
      if (bound == n) return;
      float[] rest = new float[2 * VL];
      System.arraycopy(gate, go + bound, rest, 0, n - bound);
      System.arraycopy(up, uo + bound, rest, VL, n - bound);
      silu(rest, 0, rest, VL, rest, 0, VL);
      System.arraycopy(rest, 0, y, yo + bound, n - bound);
      return;
    }
    for (int i = 0; i < n; i += PIECE) {
      int m = Math.min(PIECE, n - i);
      MapKernels.map(op, gate, go + i, y, yo + i, m);
      ElementKernels.multiply(y, yo + i, up, uo + i, y, yo + i, m, false);
    }
  }

  private static void silu(float[] gate, int go, float[] up, int uo, float[] y, int yo, int bound) {
    for (int i = 0; i < bound; i += VL) {
      FloatVector g = load(gate, go + i);
      g.mul(VectorMath.sigmoid(g)).mul(load(up, uo + i)).intoArray(y, yo + i);
    }
  }

  /** {@code dgate = op'(gate)·up·dy, dup = op(gate)·dy}; dup may be dy. */
  static void backward(
      UnaryMap op,
      float[] gate,
      int go,
      float[] up,
      int uo,
      float[] dy,
      int dyo,
      float[] dgate,
      int dgo,
      float[] dup,
      int duo,
      int n,
      float[] piece) {
    if (op == UnaryMap.SILU) {
      int bound = Lanes.bound(n);
      siluBackward(gate, go, up, uo, dy, dyo, dgate, dgo, dup, duo, bound);
      if (bound == n) return;
      System.arraycopy(gate, go + bound, piece, 0, n - bound);
      System.arraycopy(up, uo + bound, piece, VL, n - bound);
      System.arraycopy(dy, dyo + bound, piece, 2 * VL, n - bound);
      siluBackward(piece, 0, piece, VL, piece, 2 * VL, piece, 0, piece, VL, VL);
      System.arraycopy(piece, 0, dgate, dgo + bound, n - bound);
      System.arraycopy(piece, VL, dup, duo + bound, n - bound);
      return;
    }
    for (int i = 0; i < n; i += PIECE) {
      int m = Math.min(PIECE, n - i);
      ElementKernels.multiply(up, uo + i, dy, dyo + i, piece, 0, m, false);
      MapKernels.backward(op, gate, go + i, piece, 0, dgate, dgo + i, m, false);
      MapKernels.map(op, gate, go + i, piece, 0, m);
      ElementKernels.multiply(piece, 0, dy, dyo + i, dup, duo + i, m, false);
    }
  }

  private static void siluBackward(
      float[] gate,
      int go,
      float[] up,
      int uo,
      float[] dy,
      int dyo,
      float[] dgate,
      int dgo,
      float[] dup,
      int duo,
      int bound) {
    for (int i = 0; i < bound; i += VL) {
      FloatVector g = load(gate, go + i);
      FloatVector d = load(dy, dyo + i);
      FloatVector s = VectorMath.sigmoid(g);
      FloatVector value = g.mul(s);
      FloatVector slope = value.fma(VectorMath.ONE.sub(s), s);
      slope.mul(load(up, uo + i)).mul(d).intoArray(dgate, dgo + i);
      value.mul(d).intoArray(dup, duo + i);
    }
  }
}
