package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.memory.Workspace;
import java.util.List;

/**
 * A gated activation (Shazeer 2020): {@code y = f(gate) ⊙ up}; SwiGLU when f is SiLU. Backward:
 * {@code dgate = f'(gate) ⊙ up ⊙ dy, dup = f(gate) ⊙ dy}, both in one pass.
 */
public final class Gate {
  private Gate() {}

  /**
   * Gates {@code up} by {@code op(gate)}.
   *
   * @throws ShapeException when the shapes differ
   */
  public static Var gate(Tape t, UnaryMap op, Var gate, Var up) {
    if (!gate.shape().equals(up.shape()))
      throw new ShapeException("gate", "shapes must be equal", gate.shape(), up.shape());
    Tensor y = t.take(up.shape());
    t.kernels().gate(op, gate.value(), up.value(), y);
    Back back = new Back(t.kernels(), t.workspace(), op, gate, up);
    return t.record("gate", y, List.of(gate.value(), up.value()), back, gate, up);
  }

  private record Back(Kernels k, Workspace ws, UnaryMap op, Var gate, Var up) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Tensor dgate = ws.take(gate.shape());
      // dy becomes dup where it lies.
      k.gateBackward(op, gate.value(), up.value(), dy, dgate, dy);
      if (gate.needsGrad()) grads.give(gate, dgate);
      else ws.release(dgate);
      if (up.needsGrad()) grads.give(up, dy);
    }
  }
}
