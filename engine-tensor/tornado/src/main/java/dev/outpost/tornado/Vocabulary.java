package dev.outpost.tornado;

import static dev.outpost.tornado.Launcher.EXACT;
import static dev.outpost.tornado.Launcher.bits;
import static dev.outpost.tornado.Launcher.flag;
import static dev.outpost.tornado.Launcher.groups;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.weight.Weight;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What has a number or a row for each token: probabilities, losses and tables of embeddings. */
final class Vocabulary {
  private final Launcher launcher;
  private final Kernels host;

  Vocabulary(Launcher launcher) {
    this.launcher = launcher;
    this.host = launcher.host();
  }

  void softmax(Tensor x, Tensor y) {
    if (x.size() == 0) return;
    Call c = launcher.call().in(x).out(y);
    c.run(
        () -> launcher.launch(Kernel.SOFTMAX, 0, x.rows(), 1, 1, x.cols(), c.at(x), c.at(y)),
        () -> host.softmax(x, y));
  }

  void crossEntropy(Tensor logits, int[] targets, float scale, float[] losses, boolean gradient) {
    int rows = logits.rows();
    if (rows == 0) return;
    int cols = logits.cols();
    Call c = launcher.call();
    if (gradient) c.inOut(logits);
    else c.in(logits);
    if (cols == 0 || cols > EXACT) {
      c.onHost(() -> host.crossEntropy(logits, targets, scale, losses, gradient));
      return;
    }
    float[] wanted = new float[rows];
    for (int r = 0; r < rows; r++) wanted[r] = Math.max(-1, targets[r]);
    c.in(wanted).out(losses, rows);
    c.run(
        () ->
            launcher.launch(
                Kernel.CROSS_ENTROPY,
                0,
                rows,
                1,
                1,
                cols,
                c.at(logits),
                c.at(wanted),
                c.at(losses),
                bits(scale),
                flag(gradient)),
        () -> host.crossEntropy(logits, targets, scale, losses, gradient));
  }

  void gather(Weight table, int[] ids, Tensor out, boolean accumulate) {
    int n = out.size();
    if (n == 0) return;
    MatView rows = table.view();
    Call c = launcher.call().out(out, accumulate);
    if (rows.onHeap()) c.in(rows);
    Residence.@Nullable Paged paged = rows.onHeap() ? null : launcher.residence().page(rows);
    if (rows.rows() > EXACT || !rows.onHeap() && paged == null) {
      c.onHost(() -> host.gather(table, ids, out, accumulate));
      return;
    }
    float[] wanted = new float[ids.length];
    for (int i = 0; i < ids.length; i++) wanted[i] = ids[i];
    c.in(wanted);
    c.run(
        () ->
            launcher.launch(
                paged == null ? Kernel.GATHER : Kernel.GATHER_STORED,
                paged == null ? 0 : paged.page(),
                groups(n, 256),
                1,
                1,
                n,
                out.cols(),
                c.at(wanted),
                paged == null ? c.at(rows) : (int) (paged.at() + rows.offset()),
                rows.rowStride(),
                rows.colStride(),
                c.at(out),
                flag(accumulate),
                paged == null ? 0 : paged.type()),
        () -> host.gather(table, ids, out, accumulate));
  }

  void scatterAdd(Tensor dOut, int[] ids, Tensor dTable) {
    if (dOut.size() == 0) return;
    Call c = launcher.call().in(dOut).inOut(dTable);
    if (dTable.rows() > EXACT || ids.length > EXACT) {
      c.onHost(() -> host.scatterAdd(dOut, ids, dTable));
      return;
    }
    float[] runs = runs(ids);
    int count = (runs.length - 1 - ids.length) / 2;
    int n = count * dOut.cols();
    c.in(runs);
    c.run(
        () ->
            launcher.each(
                Kernel.SCATTER, n, n, dOut.cols(), count, c.at(dOut), c.at(dTable), c.at(runs)),
        () -> host.scatterAdd(dOut, ids, dTable));
  }

  /**
   * Rows of equal ids side by side, in their order: where each run begins and where the last ends,
   * each run's id, the rows.
   */
  private static float[] runs(int[] ids) {
    long[] sorted = new long[ids.length];
    for (int i = 0; i < ids.length; i++) sorted[i] = (long) ids[i] << 32 | i;
    Arrays.sort(sorted);
    int count = 0;
    for (int i = 0; i < ids.length; i++)
      if (i == 0 || sorted[i] >> 32 != sorted[i - 1] >> 32) count++;
    float[] runs = new float[2 * count + 1 + ids.length];
    int run = 0;
    for (int i = 0; i < ids.length; i++) {
      if (i == 0 || sorted[i] >> 32 != sorted[i - 1] >> 32) {
        runs[run] = i;
        runs[count + 1 + run++] = sorted[i] >> 32;
      }
      runs[2 * count + 1 + i] = (int) sorted[i];
    }
    runs[count] = ids.length;
    return runs;
  }
}
