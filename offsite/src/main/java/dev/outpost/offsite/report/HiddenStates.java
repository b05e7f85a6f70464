package dev.outpost.offsite.report;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Examples;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/** What comes out of each block of a model, for comparing blocks or models. */
public final class HiddenStates {
  private HiddenStates() {}

  /**
   * The output of every slot for one batch, in the stack's order, on memory of its own: [sequences,
   * C], or of {@link Pooling#TOKENS} [positions that are there, C].
   */
  public static List<Tensor> of(
      TransformerModel model, Kernels kernels, Workspace workspace, Batch batch, Pooling pooling) {
    List<Tensor> states = new ArrayList<>();
    try {
      Tape tape = Tape.evaluating(kernels, workspace);
      Pass pass = batch.pass(tape);
      Var h = model.embed(pass, batch.input());
      for (Slot s : model.slots()) {
        Var next = TransformerModel.stack(pass, List.of(s), h);
        tape.release(h);
        h = next;
        states.add(pooled(h.value(), batch, pooling));
      }
    } finally {
      workspace.releaseAll();
    }
    return states;
  }

  /** The same over {@code samples} examples spread evenly over the text, or all if fewer. */
  public static void of(
      TransformerModel model,
      Kernels kernels,
      Examples text,
      int samples,
      int batch,
      Pooling pooling,
      Consumer<List<Tensor>> reader) {
    int n = Math.min(samples, text.count());
    Workspace workspace = new Workspace();
    for (int from = 0; from < n; from += batch) {
      int[] which = new int[Math.min(batch, n - from)];
      for (int i = 0; i < which.length; i++)
        which[i] = (int) ((from + i) * (long) text.count() / n);
      reader.accept(of(model, kernels, workspace, text.batch(which), pooling));
    }
  }

  private static Tensor pooled(Tensor h, Batch batch, Pooling pooling) {
    int c = h.cols();
    int time = h.rows() / batch.size();
    int[] lengths = new int[batch.size()];
    Arrays.fill(lengths, time);
    if (batch.lengths() != null && time == batch.time())
      System.arraycopy(batch.lengths(), 0, lengths, 0, lengths.length);
    boolean all = pooling == Pooling.TOKENS;
    Tensor out = Tensor.zeros(all ? Arrays.stream(lengths).sum() : batch.size(), c);
    int row = 0;
    for (int b = 0; b < batch.size(); b++) {
      double[] sum = new double[c];
      for (int t = 0; t < lengths[b]; t++) {
        double w = pooling.weight(t, lengths[b]);
        for (int j = 0; j < c; j++) {
          float v = h.get((b * time + t) * c + j);
          if (all) out.data()[row * c + j] = v;
          else sum[j] += w * v;
        }
        if (all) row++;
      }
      if (all) continue;
      for (int j = 0; j < c; j++) out.data()[row * c + j] = (float) sum[j];
      row++;
    }
    return out;
  }
}
