package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.RotaryShape;
import java.util.List;

/**
 * Rotary position embedding (Su et al. 2021): every pair of numbers of a head is turned by an angle
 * that grows with the position, so that a query's product with a key depends on their distance.
 * Backward: {@code dx} is {@code dy} turned back; nothing is saved.
 */
public final class Rotary {
  private Rotary() {}

  /**
   * Turns the first {@code heads} heads of each row; columns behind them (the values of a fused
   * projection) pass through.
   *
   * @param x [B·T, ≥ heads·headDim]
   * @param angles [≥ past + time, 2·pairs], cosines then sines; a constant that outlives the tape
   * @throws ShapeException when x or the angles do not fit {@code s}
   */
  public static Var rotary(Tape t, RotaryShape s, Tensor angles, Var x) {
    if (x.shape().rows() != s.batch() * s.time()
        || x.shape().cols() < (long) s.heads() * s.headDim())
      throw new ShapeException("rotary", "x must hold the heads of " + s, x.shape());
    if (angles.cols() != 2 * s.pairs() || angles.rows() < s.past() + s.time())
      throw new ShapeException(
          "rotary", "angles must be [≥ past + time, 2·pairs] of " + s, angles.shape());
    t.kernels().memory().enter(angles, true);
    Tensor y = t.take(x.shape());
    turn(t.kernels(), s, angles, x.value(), y, false);
    return t.record("rotary", y, List.of(), new Back(t.kernels(), s, angles, x), x);
  }

  private static void turn(
      Kernels k, RotaryShape s, Tensor angles, Tensor x, Tensor y, boolean inverse) {
    k.rotary(s, angles, HeadView.of(x, s.time(), 0), HeadView.of(y, s.time(), 0), inverse);
    int turned = s.heads() * s.headDim();
    int cols = x.cols();
    if (turned == cols || x.data() == y.data() && x.offset() == y.offset()) return;
    k.copy(MatView.of(x).cols(turned, cols), MatView.of(y).cols(turned, cols), false);
  }

  private record Back(Kernels k, RotaryShape s, Tensor angles, Var x) implements Backward {
    /** {@code dy} is turned back where it lies and handed on. */
    @Override
    public void backward(Tensor dy, Grads grads) {
      turn(k, s, angles, dy, dy, true);
      grads.give(x, dy);
    }
  }
}
