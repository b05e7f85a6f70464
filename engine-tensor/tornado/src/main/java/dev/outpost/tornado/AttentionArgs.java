package dev.outpost.tornado;

import static dev.outpost.tornado.Launcher.EXACT;
import static dev.outpost.tornado.Launcher.bits;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;

/** The numbers of a call of attention, in the order that its bodies name. */
final class AttentionArgs {
  private AttentionArgs() {}

  /** Slopes of the heads, then lengths of the sequences. */
  static float[] extras(AttentionShape s) {
    float[] slopes = s.scores().slopes();
    int[] lengths = s.lengths();
    int before = slopes == null ? 0 : slopes.length;
    float[] extras = new float[before + (lengths == null ? 0 : lengths.length)];
    if (slopes != null) System.arraycopy(slopes, 0, extras, 0, before);
    for (int i = before; lengths != null && i < extras.length; i++) extras[i] = lengths[i - before];
    return extras;
  }

  /** What every kernel of attention is told, with room for {@link #backward}. */
  static int[] of(
      Call c,
      AttentionShape s,
      float[] extras,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse) {
    int[] args = new int[38];
    args[0] = s.batch();
    args[1] = s.queries();
    args[2] = s.keys();
    args[3] = s.heads();
    args[4] = s.kvHeads();
    args[5] = s.headDim();
    args[6] = bits(s.scores().scale());
    args[7] = bits(s.scores().softcap());
    args[8] = Math.min(s.scores().ahead(), EXACT);
    args[9] = Math.min(s.scores().behind(), EXACT);
    float[] slopes = s.scores().slopes();
    args[10] = slopes == null ? -1 : c.at(extras);
    args[11] = s.lengths() == null ? -1 : c.at(extras) + (slopes == null ? 0 : slopes.length);
    view(args, 12, c, q);
    view(args, 15, c, k);
    view(args, 18, c, v);
    view(args, 21, c, out);
    args[24] = c.at(lse);
    return args;
  }

  /** Adds what only the backward has. */
  static void backward(
      int[] args, Call c, HeadView dout, HeadView dq, HeadView dk, HeadView dv, float[] delta) {
    view(args, 25, c, dout);
    view(args, 28, c, dq);
    view(args, 31, c, dk);
    view(args, 34, c, dv);
    args[37] = c.at(delta);
  }

  private static void view(int[] args, int i, Call c, HeadView v) {
    args[i] = c.at(v);
    args[i + 1] = v.batchStride();
    args[i + 2] = v.rowStride();
  }
}
