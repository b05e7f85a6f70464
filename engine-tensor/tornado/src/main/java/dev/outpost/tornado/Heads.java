package dev.outpost.tornado;

import static dev.outpost.tornado.Launcher.groups;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.RotaryShape;

/** What heads do: they turn by their positions and attend. */
final class Heads {
  /** Queries, or keys, of one group of attention, and columns of its result. */
  private static final int TILE = 32;

  private static final int COLUMNS = 64;

  /** Positions that attention counts: what a grid's second extent allows. */
  static final int POSITIONS = 65535 * TILE;

  private final Launcher launcher;
  private final Kernels host;

  Heads(Launcher launcher) {
    this.launcher = launcher;
    this.host = launcher.host();
  }

  void rotary(RotaryShape s, Tensor angles, HeadView x, HeadView y, boolean inverse) {
    int width = s.heads() * s.headDim();
    int n = s.batch() * s.time() * s.heads() * (s.headDim() - s.pairs());
    if (n == 0) return;
    Call c =
        launcher
            .call()
            .in(angles)
            .in(x, s.batch(), s.time(), width)
            .out(y, s.batch(), s.time(), width);
    c.run(
        () ->
            launcher.each(
                Kernel.ROTARY,
                n,
                n,
                s.time(),
                s.past(),
                s.heads(),
                s.headDim(),
                s.pairs(),
                s.pairing().first(1),
                s.pairing().apart(s.pairs()),
                c.at(angles),
                inverse ? -1 : 1,
                c.at(x),
                x.batchStride(),
                x.rowStride(),
                c.at(y),
                y.batchStride(),
                y.rowStride()),
        () -> host.rotary(s, angles, x, y, inverse));
  }

  void attention(AttentionShape s, HeadView q, HeadView k, HeadView v, HeadView out, Tensor lse) {
    int wide = s.heads() * s.headDim();
    int narrow = s.kvHeads() * s.headDim();
    float[] extras = AttentionArgs.extras(s);
    Call c =
        launcher
            .call()
            .in(q, s.batch(), s.queries(), wide)
            .in(k, s.batch(), s.keys(), narrow)
            .in(v, s.batch(), s.keys(), narrow)
            .in(extras)
            .out(out, s.batch(), s.queries(), wide)
            .out(lse);
    if (hostAttends(s)) {
      c.onHost(() -> host.attention(s, q, k, v, out, lse));
      return;
    }
    c.run(
        () -> {
          int[] args = AttentionArgs.of(c, s, extras, q, k, v, out, lse);
          int x = s.batch() * s.heads();
          if (s.queries() == 1 && s.headDim() <= 256)
            launcher.launch(Kernel.ATTENTION_STEP, 0, x, 1, 1, args);
          else
            launcher.launch(
                Kernel.ATTENTION,
                0,
                x,
                groups(s.queries(), TILE),
                groups(s.headDim(), COLUMNS),
                args);
        },
        () -> host.attention(s, q, k, v, out, lse));
  }

  void attentionBackward(
      AttentionShape s,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse,
      HeadView dout,
      HeadView dq,
      HeadView dk,
      HeadView dv) {
    int wide = s.heads() * s.headDim();
    int narrow = s.kvHeads() * s.headDim();
    float[] extras = AttentionArgs.extras(s);
    float[] delta = new float[s.batch() * s.heads() * s.queries()];
    Call c =
        launcher
            .call()
            .in(q, s.batch(), s.queries(), wide)
            .in(k, s.batch(), s.keys(), narrow)
            .in(v, s.batch(), s.keys(), narrow)
            .in(extras)
            .in(out, s.batch(), s.queries(), wide)
            .in(lse)
            .in(dout, s.batch(), s.queries(), wide)
            .scratch(delta, delta.length)
            .out(dq, s.batch(), s.queries(), wide)
            .out(dk, s.batch(), s.keys(), narrow)
            .out(dv, s.batch(), s.keys(), narrow);
    if (hostAttends(s)) {
      c.onHost(() -> host.attentionBackward(s, q, k, v, out, lse, dout, dq, dk, dv));
      return;
    }
    c.run(
        () -> {
          int[] args = AttentionArgs.of(c, s, extras, q, k, v, out, lse);
          AttentionArgs.backward(args, c, dout, dq, dk, dv, delta);
          int columns = groups(s.headDim(), COLUMNS);
          launcher.each(Kernel.ATTENTION_DELTA, delta.length, args);
          int x = s.batch() * s.heads();
          launcher.launch(Kernel.ATTENTION_QUERIES, 0, x, groups(s.queries(), TILE), columns, args);
          x = s.batch() * s.kvHeads();
          launcher.launch(Kernel.ATTENTION_KEYS, 0, x, groups(s.keys(), TILE), columns, args);
        },
        () -> host.attentionBackward(s, q, k, v, out, lse, dout, dq, dk, dv));
  }

  /** Nothing to do for a device, or more positions than it counts. */
  private static boolean hostAttends(AttentionShape s) {
    return s.batch() == 0
        || s.heads() == 0
        || s.headDim() == 0
        || s.queries() == 0
        || s.keys() == 0
        || Math.max(s.keys(), s.queries()) > POSITIONS;
  }
}
