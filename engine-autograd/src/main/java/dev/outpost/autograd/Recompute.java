package dev.outpost.autograd;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.memory.Workspace;
import java.util.List;
import java.util.function.BiFunction;

/**
 * Gradient checkpointing (Chen et al. 2016): runs a part of the network keeping only its input and
 * output, and runs it again on the way back. Costs one more forward pass of the part, saves its
 * activations; the numbers are the same bit for bit as long as {@code x} is used by this part
 * alone.
 */
public final class Recompute {
  private Recompute() {}

  /**
   * {@code body(x)}, with nothing inside kept for the way back.
   *
   * @param trainsInside whether {@code body} enters trainable weights; then the part is recorded
   *     even where {@code x} needs no gradient
   * @param body builds the part on the tape it is given, from the value it is given; it is called
   *     once now and once on the way back, must do the same both times (dropout by key), and uses
   *     no value of another tape that needs a gradient
   */
  public static Var recompute(
      Tape t, Var x, boolean trainsInside, BiFunction<Tape, Var, Var> body) {
    if (!t.isRecording() || !(x.needsGrad() || trainsInside)) {
      try (Tape.Scope scope = t.scope()) {
        return scope.keep(body.apply(t, x));
      }
    }
    Tape once = Tape.forgetting(t.kernels(), t.workspace());
    Var y;
    try (Tape.Scope scope = once.scope()) {
      y = scope.keep(body.apply(once, once.constant(x.value())));
    }
    t.adopt(y.value(), once);
    Back back = new Back(t.kernels(), t.workspace(), x, body);
    List<Tensor> saved = List.of(x.value());
    if (x.needsGrad()) return t.record("recompute", y.value(), saved, back, x);
    // Recorded for the weights inside: an empty input stands for them.
    Var weights = t.input(Tensor.zeros(0));
    return t.record("recompute", y.value(), saved, back, x, weights);
  }

  private record Back(Kernels k, Workspace ws, Var x, BiFunction<Tape, Var, Var> body)
      implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Tape again = Tape.recording(k, ws);
      Var in = x.needsGrad() ? again.input(x.value()) : again.constant(x.value());
      Var y;
      try (Tape.Scope _ = again.scope()) {
        y = body.apply(again, in);
      }
      // The inner walk gives its gradient back to the workspace; dy is the outer walk's to give.
      Tensor inner = ws.take(dy.shape());
      k.copy(MatView.of(dy), MatView.of(inner), false);
      Tensor dx = again.backward(y, inner, grads.ofWeights(), List.of(in)).get(0);
      if (dx != null) grads.give(x, dx);
    }
  }
}
